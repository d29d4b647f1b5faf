-- Sets the counters of a campaign from the ledger. KEYS 1 spent  ARGV 1 total  2 day  3 daily
redis.call('HSET', KEYS[1], 'total', ARGV[1], 'd:' .. ARGV[2], ARGV[3])
return 1

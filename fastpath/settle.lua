-- Ends a hold; books what was spent. KEYS 1 spent  2 held  3 expiries  4 holds  5.. caps that get it back
-- ARGV 1 request id  2 spent micros  3 day of the spending. Returns 1 if the hold was still there.
local hold = redis.call('HGET', KEYS[4], ARGV[1])
if hold then
  local amount, when = string.match(hold, '^(%d+)|(.*)$')
  redis.call('HINCRBY', KEYS[2], 'total', '-' .. amount)
  redis.call('HINCRBY', KEYS[2], 'd:' .. when, '-' .. amount)
  redis.call('HDEL', KEYS[4], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
for number = 5, #KEYS do
  redis.call('ZREM', KEYS[number], ARGV[1])
end
-- A lost counter is not started at zero here: only the ledger knows what was spent before.
if tonumber(ARGV[2]) > 0 and redis.call('HEXISTS', KEYS[1], 'total') == 1 then
  redis.call('HINCRBY', KEYS[1], 'total', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'd:' .. ARGV[3], ARGV[2])
end
return hold and 1 or 0

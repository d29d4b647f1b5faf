-- What is held for open offers of a campaign. KEYS 1 held  2 expiries  3 holds  ARGV 1 now_ms  2 day
-- Returns {total, of the day} in micros; expired holds are given back first.
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
for _, id in ipairs(old) do
  local hold = redis.call('HGET', KEYS[3], id)
  if hold then
    local amount, when = string.match(hold, '^(%d+)|(.*)$')
    redis.call('HINCRBY', KEYS[1], 'total', '-' .. amount)
    redis.call('HINCRBY', KEYS[1], 'd:' .. when, '-' .. amount)
    redis.call('HDEL', KEYS[3], id)
  end
  redis.call('ZREM', KEYS[2], id)
end
local held = redis.call('HMGET', KEYS[1], 'total', 'd:' .. ARGV[2])
return {held[1] or '0', held[2] or '0'}

-- A decision without an ad, in one atomic trip: repeats what was said to the message, or keeps answer and record.
-- KEYS 1 said  2 sticky  3 shown in the conversation  4 decisions
-- ARGV 1 request id  2 record  3 code of the verdict and answer, as kept  4 sensitive (1/0)
-- Returns as reserve.lua does.
if ARGV[4] == '1' then
  redis.call('SET', KEYS[2], '1', 'PX', STICKY_TTL_MS)
end
local known = redis.call('MGET', KEYS[1], KEYS[2])
local said = known[1]
-- A message may be edited, or sent again after the conversation has turned: no ad is repeated then.
if said and not (known[2] and not string.find(said, '^[' .. REFUSED .. SENSITIVE .. ']')) then
  return said
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', IDEMPOTENCY_TTL_MS)
redis.call('XADD', KEYS[4], 'MAXLEN', '~', STREAM_LENGTH, '*',
  'request_id', ARGV[1], 'verdict', 'refused', 'record', ARGV[2])
local shown = redis.call('HGETALL', KEYS[3])
if #shown == 0 then
  return REFUSED
end
return {REFUSED, '', shown}

-- Puts decisions that were made elsewhere into the stream of those to be kept, as reserve.lua does with its own.
-- KEYS 1 decisions  ARGV 1 stream length  then of each: request id, verdict, record. Returns how many.
for place = 2, #ARGV, 3 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*',
    'request_id', ARGV[place], 'verdict', ARGV[place + 1], 'record', ARGV[place + 2])
end
return (#ARGV - 1) / 3

-- A decision with an ad, in one atomic trip: sticky gate, idempotency, cooldown, frequency caps, budget hold, offer,
-- decision record. What is written in capitals and not set here, the loader sets.
-- KEYS 1 said  2 sticky  3 shown in the conversation  4 decisions  5 cooldown  6 offer  7 spent  8 held  9 expiries
--     10 holds  11.. one sorted set per frequency cap (grants by time)
-- ARGV 1 request id  2 record  3 answer if granted  4 sensitive (1/0)  5 now_ms  6 day  7 campaign  8 hold micros
--      9 hold expires  10 total cap (-1)  11 daily cap (-1)  12 final (1/0)  13 offer  14 offer ttl ms
--     15, 16 before and after the verdict in answers that are not given  17.. per cap: limit, window ms, scope;
--     then per answer given besides: code of its verdict, answer
-- Returns what was said when it is repeated: code of the verdict and answer in one string. Else the code, a number,
-- or {code, scope of the cap that was reached, shown: {campaign, count, …}} if there is one of the two.
if ARGV[4] == '1' then
  redis.call('SET', KEYS[2], '1', 'PX', STICKY_TTL_MS)
end
local known = redis.call('MGET', KEYS[1], KEYS[2], KEYS[5])
local said, sticky, last = known[1], known[2], known[3]
-- A message may be edited, or sent again after the conversation has turned: no ad is repeated then.
if said and not (sticky and not string.find(said, '^[' .. REFUSED .. SENSITIVE .. ']')) then
  return said
end
local shown = redis.call('HGETALL', KEYS[3])
local now = tonumber(ARGV[5])
local verdict, reached, capped, day = GRANTED, '', false, ''

local function whole(number)
  return string.format('%.0f', number)
end

local function drop_expired()
  local old = redis.call('ZRANGEBYSCORE', KEYS[9], '-inf', ARGV[5], 'LIMIT', 0, 200)
  for _, id in ipairs(old) do
    local hold = redis.call('HGET', KEYS[10], id)
    if hold then
      local amount, when = string.match(hold, '^(%d+)|(.*)$')
      redis.call('HINCRBY', KEYS[8], 'total', '-' .. amount)
      redis.call('HINCRBY', KEYS[8], 'd:' .. when, '-' .. amount)
      redis.call('HDEL', KEYS[10], id)
    end
    redis.call('ZREM', KEYS[9], id)
  end
end

local function budget_verdict(total_cap, daily_cap)
  local spent = redis.call('HMGET', KEYS[7], 'total', day)
  if not spent[1] then
    return STATE_UNAVAILABLE
  end
  drop_expired()
  local micros = tonumber(ARGV[8])
  local held = redis.call('HMGET', KEYS[8], 'total', day)
  local total = tonumber(spent[1]) + tonumber(held[1] or '0') + micros
  local daily = tonumber(spent[2] or '0') + tonumber(held[2] or '0') + micros
  if (total_cap >= 0 and total > total_cap) or (daily_cap >= 0 and daily > daily_cap) then
    return BUDGET
  end
  return GRANTED
end

-- Exact sliding windows. What lies in the future counts too: a clock set back grants nothing by it.
local function cap_reached()
  local place = 17
  for number = 11, #KEYS do
    local since = whole(now - tonumber(ARGV[place + 1]))
    redis.call('ZREMRANGEBYSCORE', KEYS[number], '-inf', since)
    if redis.call('ZCARD', KEYS[number]) >= tonumber(ARGV[place]) then
      return ARGV[place + 2]
    end
    place = place + 3
  end
  return ''
end

local function count_showing()
  local place = 17
  for number = 11, #KEYS do
    redis.call('ZADD', KEYS[number], ARGV[5], ARGV[1])
    -- Kept for twice the window: a clock set back finds what it counted.
    redis.call('PEXPIRE', KEYS[number], whole(2 * tonumber(ARGV[place + 1])))
    place = place + 3
  end
  local at = #shown + 1
  for place = 1, #shown, 2 do
    at = shown[place] == ARGV[7] and place or at
  end
  if at < 2 * SHOWN_CAMPAIGNS then
    shown[at] = ARGV[7]
    shown[at + 1] = redis.call('HINCRBY', KEYS[3], ARGV[7], 1)
    redis.call('PEXPIRE', KEYS[3], SHOWN_TTL_MS)
  end
end

local function answer_to(code)
  for place = 17 + 3 * (#KEYS - 10), #ARGV, 2 do
    if ARGV[place] == code then
      return ARGV[place + 1]
    end
  end
  return ARGV[15] == '' and '' or ARGV[15] .. NAMES[verdict + 1] .. ARGV[16]
end

if sticky then
  verdict = SENSITIVE
elseif last and now < tonumber(last) + COOLDOWN_MS then
  -- Also true when the clock has gone backwards.
  verdict = COOLDOWN
else
  reached = cap_reached()
  local total_cap, daily_cap = tonumber(ARGV[10]), tonumber(ARGV[11])
  if reached ~= '' then
    verdict = FREQUENCY
  elseif ARGV[8] ~= '0' and (total_cap >= 0 or daily_cap >= 0) then
    capped, day = true, 'd:' .. ARGV[6]
    verdict = budget_verdict(total_cap, daily_cap)
  end
end
if ARGV[12] == '1' or (verdict ~= BUDGET and verdict ~= FREQUENCY) then
  local answer = ARGV[3]
  if verdict == GRANTED then
    -- Kept for twice the pause: a clock set back by hours stops ads for minutes, not for hours.
    redis.call('SET', KEYS[5], ARGV[5], 'PX', 2 * COOLDOWN_MS)
    redis.call('SET', KEYS[6], ARGV[13], 'PX', ARGV[14])
    if capped then
      redis.call('HINCRBY', KEYS[8], 'total', ARGV[8])
      redis.call('HINCRBY', KEYS[8], day, ARGV[8])
      redis.call('HSET', KEYS[10], ARGV[1], ARGV[8] .. '|' .. ARGV[6])
      redis.call('ZADD', KEYS[9], ARGV[9], ARGV[1])
    end
    count_showing()
  else
    answer = answer_to(tostring(verdict))
  end
  redis.call('SET', KEYS[1], verdict .. answer, 'PX', IDEMPOTENCY_TTL_MS)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', STREAM_LENGTH, '*',
    'request_id', ARGV[1], 'verdict', NAMES[verdict + 1], 'record', ARGV[2])
end
if #shown == 0 and reached == '' then
  return verdict
end
return {verdict, reached, shown}

-- One atomic trip: sticky gate, idempotency, cooldown, frequency caps, budget hold, decision record, offer.
-- KEYS 1 idem  2 cooldown  3 sticky  4 spent  5 held  6 expiries  7 holds  8 decisions  9 offer
--     10 shown in the conversation  11.. one sorted set per frequency cap (grants by time)
-- ARGV 1 now_ms        2 cooldown_ms   3 wants ad (1/0)  4 sensitive (1/0)  5 request id
--      6 hold micros   7 hold expires  8 day             9 total cap (-1)  10 daily cap (-1)
--     11 final (1/0)  12 idem ttl ms  13 sticky ttl ms  14 offer          15 offer ttl ms
--     16 stream length 17 record      18..24 answers: granted, refused, cooldown, budget,
--     state_unavailable, sensitive, frequency  25, 26 before and after the verdict in answers left empty
--     27 campaign  28 shown ttl ms  29 most campaigns shown  30.. per cap: limit, window ms, scope
-- Returns {verdict, answer if repeated, repeated (1/0), scope of the cap that was reached, shown: campaign, count, …}.
if ARGV[4] == '1' then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[13])
end
local sticky = redis.call('EXISTS', KEYS[3]) == 1
local seen = redis.call('HMGET', KEYS[1], 'verdict', 'answer')
-- A message may be edited, or sent again after the conversation has turned: no ad is repeated then.
if seen[1] and not (sticky and seen[1] ~= 'refused' and seen[1] ~= 'sensitive') then
  return {seen[1], seen[2], 1, '', {}}
end
local now = tonumber(ARGV[1])
local micros = tonumber(ARGV[6])
local total_cap = tonumber(ARGV[9])
local daily_cap = tonumber(ARGV[10])
local capped = micros > 0 and (total_cap >= 0 or daily_cap >= 0)
local day = 'd:' .. ARGV[8]

local function whole(number)
  return string.format('%.0f', number)
end

local function drop_expired()
  local old = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', ARGV[1], 'LIMIT', 0, 200)
  for _, id in ipairs(old) do
    local hold = redis.call('HGET', KEYS[7], id)
    if hold then
      local amount, when = string.match(hold, '^(%d+)|(.*)$')
      redis.call('HINCRBY', KEYS[5], 'total', '-' .. amount)
      redis.call('HINCRBY', KEYS[5], 'd:' .. when, '-' .. amount)
      redis.call('HDEL', KEYS[7], id)
    end
    redis.call('ZREM', KEYS[6], id)
  end
end

local function budget_verdict()
  local spent = redis.call('HMGET', KEYS[4], 'total', day)
  if not spent[1] then
    return 'state_unavailable'
  end
  drop_expired()
  local held = redis.call('HMGET', KEYS[5], 'total', day)
  local total = tonumber(spent[1]) + tonumber(held[1] or '0') + micros
  local daily = tonumber(spent[2] or '0') + tonumber(held[2] or '0') + micros
  if (total_cap >= 0 and total > total_cap) or (daily_cap >= 0 and daily > daily_cap) then
    return 'budget'
  end
  return 'granted'
end

-- Exact sliding windows. What lies in the future counts too: a clock set back grants nothing by it.
local function cap_reached()
  local place = 30
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
  local place = 30
  for number = 11, #KEYS do
    redis.call('ZADD', KEYS[number], ARGV[1], ARGV[5])
    -- Kept for twice the window: a clock set back finds what it counted.
    redis.call('PEXPIRE', KEYS[number], whole(2 * tonumber(ARGV[place + 1])))
    place = place + 3
  end
  local known = redis.call('HEXISTS', KEYS[10], ARGV[27]) == 1
  if known or redis.call('HLEN', KEYS[10]) < tonumber(ARGV[29]) then
    redis.call('HINCRBY', KEYS[10], ARGV[27], 1)
    redis.call('PEXPIRE', KEYS[10], ARGV[28])
  end
end

local verdict, reached = 'refused', ''
if ARGV[3] == '1' then
  local last = redis.call('GET', KEYS[2])
  if sticky then
    verdict = 'sensitive'
  elseif last and now < tonumber(last) + tonumber(ARGV[2]) then
    -- Also true when the clock has gone backwards.
    verdict = 'cooldown'
  else
    reached = cap_reached()
    if reached ~= '' then
      verdict = 'frequency'
    elseif capped then
      verdict = budget_verdict()
    else
      verdict = 'granted'
    end
  end
end
if (verdict == 'budget' or verdict == 'frequency') and ARGV[11] == '0' then
  return {verdict, '', 0, reached, redis.call('HGETALL', KEYS[10])}
end
if verdict == 'granted' then
  -- Kept for twice the pause: a clock set back by hours stops ads for minutes, not for hours.
  redis.call('SET', KEYS[2], ARGV[1], 'PX', whole(2 * tonumber(ARGV[2])))
  redis.call('SET', KEYS[9], ARGV[14], 'PX', ARGV[15])
  if capped then
    redis.call('HINCRBY', KEYS[5], 'total', ARGV[6])
    redis.call('HINCRBY', KEYS[5], day, ARGV[6])
    redis.call('HSET', KEYS[7], ARGV[5], ARGV[6] .. '|' .. ARGV[8])
    redis.call('ZADD', KEYS[6], ARGV[7], ARGV[5])
  end
  count_showing()
end
local places = {granted = 18, refused = 19, cooldown = 20, budget = 21, state_unavailable = 22, sensitive = 23,
  frequency = 24}
local answer = ARGV[places[verdict]]
if answer == '' and ARGV[25] ~= '' then
  answer = ARGV[25] .. verdict .. ARGV[26]
end
redis.call('HSET', KEYS[1], 'verdict', verdict, 'answer', answer)
redis.call('PEXPIRE', KEYS[1], ARGV[12])
redis.call('XADD', KEYS[8], 'MAXLEN', '~', ARGV[16], '*',
  'request_id', ARGV[5], 'verdict', verdict, 'record', ARGV[17])
return {verdict, '', 0, reached, redis.call('HGETALL', KEYS[10])}

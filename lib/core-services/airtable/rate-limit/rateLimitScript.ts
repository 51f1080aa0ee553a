/**
 * The one script of the request budget. It is all or nothing, and goes by Redis's own clock: those of the instances may
 * differ.
 *
 * A request needs a permit. One that is out counts as busy until its hold ends, in case its holder has died. Given back
 * after the response, it is free again a little more than 1,000 ms later: the request had arrived by then, so two uses
 * of a permit arrive more than 1,000 ms apart, however long the network takes. With 5 permits there are never more than
 * 5 arrivals in any 1,000 ms.
 *
 * What is given back can be promised to the next one from the moment at which it will be free, so most callers ask
 * once. Who finds none waits in a line and asks again; a place in the line ends when nobody asks for it. Background
 * stands in the line as if it had come later, and leaves one permit to others for as long: it yields, and never starves.
 *
 * The state is kept for a day without use, so that to a process that has met it before its absence means that it was
 * lost (a flush, a restart). Then nobody knows what the others have just sent or may still send: nobody gets a permit until
 * it must have arrived more than 1,000 ms ago. What is given back and not known was taken before such a loss, or
 * without Redis, and counts from then on.
 *
 * That clock can jump, such as when another server takes over. When it goes back, every time in the state goes back with
 * it, so that nothing ends later than it should. When it goes ahead, permits seem to be free that are not: the script
 * cannot tell that from a quiet night, but instances that saw the clock before can (rateLimitClient.ts). The first one
 * to report it adds to the skew, which is by how many ms the clock has jumped in all, and what follows is what follows a
 * loss.
 *
 * KEYS: the state of all bases, as JSON. ARGV: a RateLimitRequest as JSON. Answers a code, ms, a kind of cool-down, the time
 * and the skew. Billed 4: EVAL, TIME, GET, SET; 3 when nothing changes.
 */
import { SHEBANG } from '../../cache/redis/shebang'

export const RATE_LIMIT_SCRIPT = `${SHEBANG}local ask = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local stored = redis.call('GET', KEYS[1])
local state = { bases = {}, quiet = now + ask.quietMs, skew = 0 }
if stored then state = cjson.decode(stored) end

local back = now - (state.at or now)
if back < 0 then
  state.skew = (state.skew or 0) + back
  state.quiet = state.quiet + back
  for _, place in pairs(state.bases) do
    for _, hold in ipairs(place.holds) do
      hold.from = hold.from + back
      hold.to = hold.to + back
    end
    for _, waiter in ipairs(place.line) do
      waiter.rank = waiter.rank + back
      waiter.to = waiter.to + back
    end
    if place.cool then
      place.cool.to = place.cool.to + back
      place.cool.foreground = place.cool.foreground + back
    end
  end
end
if ask.jumped and ask.jumped.from == (state.skew or 0) then
  state.skew = ask.jumped.to
  state.quiet = math.max(state.quiet, now + ask.quietMs)
end

local function only(list, wanted)
  local kept = {}
  for _, item in ipairs(list) do
    if wanted(item) then kept[#kept + 1] = item end
  end
  return kept
end

local function at(base)
  if not state.bases[base] then state.bases[base] = { holds = {}, line = {} } end
  return state.bases[base]
end

for _, back in ipairs(ask.back) do
  local place = at(back.base)
  local known = false
  for _, hold in ipairs(place.holds) do
    if hold.ticket == back.ticket then
      known = true
      if not hold.back then
        hold.back = true
        hold.to = math.max(hold.from, now + back.gap)
      end
    end
  end
  if not known and back.gap > 0 then
    place.holds[#place.holds + 1] = { ticket = back.ticket, from = now, to = now + back.gap, back = true }
  end
  place.line = only(place.line, function(waiter) return waiter.ticket ~= back.ticket end)
  if back.works and place.cool and place.cool.kind == 2 and place.cool.probe == back.ticket then
    place.cool = nil
  end
end

for _, cool in ipairs(ask.cool) do
  local place = at(cool.base)
  local known = place.cool
  local opened = { kind = cool.kind, to = now + cool.ms, foreground = now + cool.foregroundMs }
  if not known or known.kind < opened.kind or (known.kind == opened.kind and known.to < opened.to) then
    place.cool = opened
  end
end

local out = 0
for _, place in pairs(state.bases) do
  place.holds = only(place.holds, function(hold) return hold.to > now end)
  place.line = only(place.line, function(waiter) return waiter.to > now end)
  if place.cool and place.cool.to <= now then place.cool = nil end
  out = out + #place.holds
end

local function take(permitRequest)
  local place = at(permitRequest.base)
  for _, hold in ipairs(place.holds) do
    if hold.ticket == permitRequest.ticket and not hold.back then
      hold.from = math.max(hold.from, state.quiet)
      hold.to = math.max(hold.from, now) + permitRequest.holdMs
      return { 1, math.max(hold.from - now, 0), 0 }
    end
  end
  local others = only(place.line, function(waiter) return waiter.ticket ~= permitRequest.ticket end)
  local cool = place.cool
  if cool then
    local to = permitRequest.late > 0 and cool.to or cool.foreground
    if to > now then
      place.line = others
      return { -1, to - now, cool.kind }
    end
  end

  local rank = now + permitRequest.late
  for _, waiter in ipairs(place.line) do
    if waiter.ticket == permitRequest.ticket then rank = waiter.rank end
  end
  local ahead = #only(others, function(waiter)
    return waiter.rank < rank or (waiter.rank == rank and waiter.ticket < permitRequest.ticket)
  end)
  if permitRequest.late > 0 and now < rank then ahead = ahead + 1 end

  local free = math.min(permitRequest.perBase - #place.holds, permitRequest.perToken - out)
  local soon = only(place.holds, function(hold) return hold.back and hold.to - now <= permitRequest.aheadMs end)
  local missing = ahead + 1 - free - #soon
  local pause = math.max(math.min(permitRequest.pauseMs * missing, permitRequest.mostPauseMs), state.quiet - now)
  if pause > 0 then
    others[#others + 1] = { ticket = permitRequest.ticket, rank = rank, to = now + 2 * pause + permitRequest.lineMs }
    place.line = others
    return { 0, pause, 0 }
  end

  place.line = others
  if cool then
    cool.foreground = math.min(cool.to, now + permitRequest.probeMs)
    cool.probe = permitRequest.ticket
  end
  local from = now
  if free < 1 then
    table.sort(soon, function(one, other) return one.to < other.to end)
    for index = 1, 1 - free do soon[index].passed = true end
    from = soon[1 - free].to
    place.holds = only(place.holds, function(hold) return not hold.passed end)
  end
  place.holds[#place.holds + 1] = { ticket = permitRequest.ticket, from = from, to = from + permitRequest.holdMs }
  return { 1, from - now, 0 }
end

local reply = { 2, 0, 0 }
if ask.take then reply = take(ask.take) end
for base, place in pairs(state.bases) do
  if #place.holds == 0 and #place.line == 0 and not place.cool then state.bases[base] = nil end
end
if cjson.encode(state) ~= stored then
  state.at = now
  redis.call('SET', KEYS[1], cjson.encode(state), 'PX', 86400000)
end
reply[4] = now
reply[5] = state.skew or 0
return reply`

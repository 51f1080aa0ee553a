/**
 * The script of the rate limiter. It is atomic and uses Redis's own clock, because the clocks of instances differ.
 *
 * Permits: a request needs one. A taken permit counts as used until its hold ends, in case its holder has died. Given back
 * after the response, it is free again a little more than 1,000 ms later. The request had arrived by then, so two uses of a
 * permit arrive more than 1,000 ms apart, however slow the network is. With 5 permits there are never more than 5 arrivals
 * in any 1,000 ms.
 *
 * Queue: a permit that was given back can be promised for the moment at which it will be free, so most callers ask once. A
 * caller that gets none waits in the queue and asks again; its place ends when it stops asking. A background request
 * queues as if it had come later, and leaves one permit to others for that time: it yields, and never starves.
 *
 * Lost state: the state is kept for a day without use. So a process that has used it before knows that a missing state was
 * lost (a flush, a restart). Then what other processes have just sent is unknown, and no permit is granted until all of it
 * must have arrived more than 1,000 ms ago. An unknown permit that is given back was taken before the loss or without
 * Redis, and counts as used from then on.
 *
 * Clock: it can jump when another server takes over. When it goes back, every time in the state goes back with it, so that
 * nothing ends later than it should. When it jumps ahead, permits seem free that are not. The script cannot tell that from
 * a quiet night, but a process that saw the clock before can (clockCheck.ts). The first report adds to the skew, the sum
 * of all jumps in ms, and the same pause follows as after a loss.
 *
 * KEYS: the state of all bases, as JSON. ARGV: a RateLimitRequest as JSON. Returns a code, ms, a kind of cool-down, the time
 * and the skew. Billed 4 (EVAL, TIME, GET, SET), or 3 when nothing changes.
 */
import { SHEBANG } from '../../cache/redis/shebang'

export const RATE_LIMIT_SCRIPT = `${SHEBANG}local request = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local stored = redis.call('GET', KEYS[1])
local state = { bases = {}, quiet = now + request.quietMs, skew = 0 }
if stored then state = cjson.decode(stored) end

local back = now - (state.at or now)
if back < 0 then
  state.skew = (state.skew or 0) + back
  state.quiet = state.quiet + back
  for _, entry in pairs(state.bases) do
    for _, hold in ipairs(entry.holds) do
      hold.from = hold.from + back
      hold.to = hold.to + back
    end
    for _, waiter in ipairs(entry.line) do
      waiter.rank = waiter.rank + back
      waiter.to = waiter.to + back
    end
    if entry.cool then
      entry.cool.to = entry.cool.to + back
      entry.cool.foreground = entry.cool.foreground + back
    end
  end
end
if request.jumped and request.jumped.from == (state.skew or 0) then
  state.skew = request.jumped.to
  state.quiet = math.max(state.quiet, now + request.quietMs)
end

local function filter(list, wanted)
  local kept = {}
  for _, item in ipairs(list) do
    if wanted(item) then kept[#kept + 1] = item end
  end
  return kept
end

local function entryFor(base)
  if not state.bases[base] then state.bases[base] = { holds = {}, line = {} } end
  return state.bases[base]
end

for _, back in ipairs(request.back) do
  local entry = entryFor(back.base)
  local known = false
  for _, hold in ipairs(entry.holds) do
    if hold.ticket == back.ticket then
      known = true
      if not hold.back then
        hold.back = true
        hold.to = math.max(hold.from, now + back.gap)
      end
    end
  end
  if not known and back.gap > 0 then
    entry.holds[#entry.holds + 1] = { ticket = back.ticket, from = now, to = now + back.gap, back = true }
  end
  entry.line = filter(entry.line, function(waiter) return waiter.ticket ~= back.ticket end)
  if back.works and entry.cool and entry.cool.kind == 2 and entry.cool.probe == back.ticket then
    entry.cool = nil
  end
end

for _, cool in ipairs(request.cool) do
  local entry = entryFor(cool.base)
  local known = entry.cool
  local opened = { kind = cool.kind, to = now + cool.ms, foreground = now + cool.foregroundMs }
  if not known or known.kind < opened.kind or (known.kind == opened.kind and known.to < opened.to) then
    entry.cool = opened
  end
end

local out = 0
for _, entry in pairs(state.bases) do
  entry.holds = filter(entry.holds, function(hold) return hold.to > now end)
  entry.line = filter(entry.line, function(waiter) return waiter.to > now end)
  if entry.cool and entry.cool.to <= now then entry.cool = nil end
  out = out + #entry.holds
end

local function take(want)
  local entry = entryFor(want.base)
  for _, hold in ipairs(entry.holds) do
    if hold.ticket == want.ticket and not hold.back then
      hold.from = math.max(hold.from, state.quiet)
      hold.to = math.max(hold.from, now) + want.holdMs
      return { 1, math.max(hold.from - now, 0), 0 }
    end
  end
  local others = filter(entry.line, function(waiter) return waiter.ticket ~= want.ticket end)
  local cool = entry.cool
  if cool then
    local to = want.late > 0 and cool.to or cool.foreground
    if to > now then
      entry.line = others
      return { -1, to - now, cool.kind }
    end
  end

  local rank = now + want.late
  for _, waiter in ipairs(entry.line) do
    if waiter.ticket == want.ticket then rank = waiter.rank end
  end
  local ahead = #filter(others, function(waiter)
    return waiter.rank < rank or (waiter.rank == rank and waiter.ticket < want.ticket)
  end)
  if want.late > 0 and now < rank then ahead = ahead + 1 end

  local free = math.min(want.perBase - #entry.holds, want.perToken - out)
  local soon = filter(entry.holds, function(hold) return hold.back and hold.to - now <= want.aheadMs end)
  local missing = ahead + 1 - free - #soon
  local pause = math.max(math.min(want.pauseMs * missing, want.mostPauseMs), state.quiet - now)
  if pause > 0 then
    others[#others + 1] = { ticket = want.ticket, rank = rank, to = now + 2 * pause + want.lineMs }
    entry.line = others
    return { 0, pause, 0 }
  end

  entry.line = others
  if cool then
    cool.foreground = math.min(cool.to, now + want.probeMs)
    cool.probe = want.ticket
  end
  local from = now
  if free < 1 then
    table.sort(soon, function(one, other) return one.to < other.to end)
    for index = 1, 1 - free do soon[index].passed = true end
    from = soon[1 - free].to
    entry.holds = filter(entry.holds, function(hold) return not hold.passed end)
  end
  entry.holds[#entry.holds + 1] = { ticket = want.ticket, from = from, to = from + want.holdMs }
  return { 1, from - now, 0 }
end

local reply = { 2, 0, 0 }
if request.take then reply = take(request.take) end
for base, entry in pairs(state.bases) do
  if #entry.holds == 0 and #entry.line == 0 and not entry.cool then state.bases[base] = nil end
end
if cjson.encode(state) ~= stored then
  state.at = now
  redis.call('SET', KEYS[1], cjson.encode(state), 'PX', 86400000)
end
reply[4] = now
reply[5] = state.skew or 0
return reply`

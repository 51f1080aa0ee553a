import { billedScript } from '../../cache/redis/billing'
import { SHEBANG } from '../../cache/redis/shebang'

/** How long the hash lives after the last hour in which a batch was added, in seconds. */
const LIFE_SECONDS = 30 * 86_400
/** How many counts a slot takes; a field has about 60. */
const MAX_COUNTS = 10_000

/**
 * Adds a batch to the total and to the slots of its minute and its hour, once. Returns how many commands it called.
 *
 * KEYS: the hash. ARGV: now in ms, the time before which reports are dropped, id, number, state, sums, last events, then
 * slot and stamp of the minute and of the hour. Billed 3; 4 for the first batch of an hour; 2 when it was added before.
 */
export const ADD_COUNTS_SCRIPT = billedScript(
  `${SHEBANG}local now, oldest, id, number, state, sums, latest = unpack(ARGV)
local function each(text, act)
  for name, value in string.gmatch(text, '([^=;]+)=([^;]*)') do act(name, value) end
end
local function joined(values)
  local parts = {}
  for name, value in pairs(values) do parts[#parts + 1] = name .. '=' .. value end
  return table.concat(parts, ';')
end
local function first(value) return tonumber(string.match(value, '^[^,]*')) or 0 end
local function merged(text, more, combine)
  local values, known = {}, 0
  each(text, function(name, value) values[name] = value; known = known + 1 end)
  each(more, function(name, value)
    if values[name] then values[name] = combine(values[name], value)
    elseif known < ${MAX_COUNTS} then values[name] = value; known = known + 1 end
  end)
  return joined(values)
end
local function plus(a, b) return string.format('%.15g', (tonumber(a) or 0) + tonumber(b)) end
local function later(a, b) if first(b) < first(a) then return a end return b end

local stored = redis.call('HMGET', KEYS[1], 'total', 'live', ARGV[8], ARGV[10])
local live = {}
each(stored[2] or '', function(name, value)
  if first(value) >= tonumber(oldest) then live[name] = value end
end)
if live[id] and tonumber(string.match(live[id], '^[^,]*,([^,]*)')) >= tonumber(number) then return 1 end
live[id] = now .. ',' .. number .. ',' .. state

local since, totals, events = string.match(stored[1] or '', '^([^|]*)|([^|]*)|([^|]*)$')
local written = {
  'total', (since or now) .. '|' .. merged(totals or '', sums, plus) .. '|' .. merged(events or '', latest, later),
  'live', joined(live),
}
local renewed = not since
for i = 8, 10, 2 do
  local stamp, known = string.match(stored[(i - 2) / 2] or '', '^([^|]*)|([^|]*)$')
  if stamp ~= ARGV[i + 1] then known = ''; renewed = renewed or i == 10 end
  if tonumber(stamp or 0) <= tonumber(ARGV[i + 1]) then
    written[#written + 1] = ARGV[i]
    written[#written + 1] = ARGV[i + 1] .. '|' .. merged(known, sums, plus)
  end
end
redis.call('HSET', KEYS[1], unpack(written))
if not renewed then return 2 end
redis.call('EXPIRE', KEYS[1], ${LIFE_SECONDS})
return 3`,
  (reply) => (typeof reply === 'number' ? reply : 2),
)

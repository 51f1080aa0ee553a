import { billedScript } from '../../redis/billing'
import { SHEBANG } from '../../redis/shebang'

/**
 * Takes one out of each bucket, or out of none. Returns 0, or the ms until all of them have one.
 *
 * A bucket is stored as the time at which it will be full again, by the clock of Redis; a full one expires. One that is
 * emptier than empty was stored before that clock went back. It counts as just emptied.
 *
 * KEYS: the buckets. ARGV: everyMs and burst of each. Billed 3, and 1 for each bucket; 3 when nothing is taken, and 1 more for
 * each bucket from before the clock went back.
 */
export const TAKE_FROM_BUCKETS_SCRIPT = billedScript(
  `${SHEBANG}local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local stored = redis.call('MGET', unpack(KEYS))
local full, wait = {}, 0
for i = 1, #KEYS do
  local every, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local known, empty = tonumber(stored[i] or '') or now, now + burst * every
  if known > empty then
    known = empty
    redis.call('SET', KEYS[i], string.format('%.0f', empty), 'PX', burst * every)
  end
  full[i] = math.max(known, now) + every
  wait = math.max(wait, full[i] - now - burst * every)
end
if wait > 0 then return wait end
for i = 1, #KEYS do
  redis.call('SET', KEYS[i], string.format('%.0f', full[i]), 'PX', string.format('%.0f', full[i] - now))
end
return 0`,
  (reply, keys) => (reply === 0 ? 2 + keys : 2),
)

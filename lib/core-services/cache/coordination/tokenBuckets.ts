/** Token buckets that all instances share: each lets a number through at once, and then one in so much time. */

import { redisBadReply } from '../errors'
import { billedScript } from '../redis/billing'
import type { KeySpace } from '../redis/commands/keySpace'
import type { Send } from '../redis/pipeline'
import { SHEBANG } from '../redis/shebang'

export interface Bucket {
  name: string
  /** How many are let through in a row. */
  burst: number
  /** After them one in so many ms. */
  everyMs: number
}

/**
 * A bucket is the time at which it will be full again, by the clock of Redis; full ones are forgotten. One that is emptier
 * than empty is from before that clock went back, and counts as just emptied. KEYS: the buckets. ARGV: everyMs and burst
 * of each. Takes one out of each, or out of none; answers 0, or in how many ms all of them will have one. Billed 3 and one
 * for each bucket; 3 when nothing is taken, and one more for a bucket from before that clock went back.
 */
const TAKE_FROM_BUCKETS = billedScript(
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

/** Ms until all buckets have one; 0 when one was taken out of each. Rejects with a REDIS_ error. */
export async function takeFromBuckets(
  { send, keys }: { send: Send; keys: KeySpace },
  buckets: readonly Bucket[],
): Promise<number> {
  const names = buckets.map(({ name }) => keys.internal('bucket', name))
  const sizes = buckets.flatMap(({ everyMs, burst }) => [everyMs, burst])
  const waitMs = await send('EVAL', TAKE_FROM_BUCKETS, names.length, ...names, ...sizes)
  if (typeof waitMs !== 'number') throw redisBadReply('the script answered in another shape')
  return waitMs
}

/** Token buckets of all instances: each passes `burst` calls at once, then one every `everyMs`. */

import { redisBadReply } from '../errors'
import type { KeySpace } from '../redis/commands/keySpace'
import type { Send } from '../redis/pipeline'
import { TAKE_FROM_BUCKETS_SCRIPT } from './scripts/takeFromBuckets'

export interface Bucket {
  name: string
  burst: number
  everyMs: number
}

/** Takes one out of each bucket or out of none. Resolves with 0, or the ms to wait. Rejects with a REDIS_ error. */
export async function takeFromBuckets(
  { send, keys }: { send: Send; keys: KeySpace },
  buckets: readonly Bucket[],
): Promise<number> {
  const names = buckets.map(({ name }) => keys.internal('bucket', name))
  const sizes = buckets.flatMap(({ everyMs, burst }) => [everyMs, burst])
  const waitMs = await send('EVAL', TAKE_FROM_BUCKETS_SCRIPT, names.length, ...names, ...sizes)
  if (typeof waitMs !== 'number') throw redisBadReply('the script answered in another shape')
  return waitMs
}

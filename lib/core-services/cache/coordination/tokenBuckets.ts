/** Token buckets that all instances share: each lets a number through at once, and then one in so much time. */

import { redisBadReply } from '../errors'
import type { KeySpace } from '../redis/commands/keySpace'
import type { Send } from '../redis/pipeline'
import { TAKE_FROM_BUCKETS_SCRIPT } from './scripts/takeFromBuckets'

export interface Bucket {
  name: string
  /** How many are let through in a row. */
  burst: number
  /** After them one in so many ms. */
  everyMs: number
}

/** Ms until all buckets have one; 0 when one was taken out of each. Rejects with a REDIS_ error. */
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

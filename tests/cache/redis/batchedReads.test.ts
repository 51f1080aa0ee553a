import { expect, it } from 'vitest'
import { redisTooLarge } from '@/lib/core-services/cache/errors'
import { createBatchedReads } from '@/lib/core-services/cache/redis/batchedReads'
import type { Send } from '@/lib/core-services/cache/redis/pipeline'
import { systemClock } from '@/lib/shared/clock'

/** A Redis that answers at most 10 million characters, with a value of a given size under each name. */
function redisWith(sizeOf: (name: string) => number) {
  const counts = { requests: 0, running: 0, most: 0 }
  const send: Send = async (_, ...names) => {
    counts.requests += 1
    counts.running += 1
    counts.most = Math.max(counts.most, counts.running)
    await new Promise(setImmediate)
    counts.running -= 1
    const sizes = names.map((name) => sizeOf(String(name)))
    if (sizes.reduce((sum, size) => sum + size, 0) > 10_000_000)
      throw redisTooLarge('max request size exceeded')
    return sizes.map((size) => 'x'.repeat(size))
  }
  return { counts, read: createBatchedReads(send, systemClock) }
}

const names = Array.from({ length: 400 }, (_, index) => `k${index}`)

it('400 reads with too large an answer are repeated in halves, one request at a time', async () => {
  const { counts, read } = redisWith(() => 30_000)
  const snapshots = await Promise.all(names.map((name) => read([name])))
  expect(snapshots.map((snapshot, index) => snapshot.get(names[index] ?? '')?.length)).toEqual(
    names.map(() => 30_000),
  )
  expect(counts).toMatchObject({ requests: 3, most: 1 })
  // The sizes are known from then on: nothing is refused.
  await Promise.all(names.map((name) => read([name])))
  expect(counts.requests).toBe(5)
})

it('a value that is too large fails its own readers, and no other read of the batch', async () => {
  const { read } = redisWith((name) => (name === 'k7' ? 11_000_000 : 10))
  const settled = await Promise.allSettled(names.map((name) => read([name])))
  const failed = settled.flatMap((one, index) => (one.status === 'rejected' ? [names[index]] : []))
  expect(failed).toEqual(['k7'])
})

/**
 * Reads of the same tick share one MGET. A read never joins an MGET that was already sent: its answer may be older than
 * the read.
 */

import { LRUCache } from 'lru-cache'
import { type Clock, currentInstant, type Instant } from '../../../shared/clock'
import { hasCode } from '../../../shared/errors'
import { redisBadReply } from '../errors'
import { createBatching, type PendingQuestion } from './batching'
import { keepRecent } from './keepRecent'
import type { RawReply, Send } from './pipeline'

export interface Snapshot {
  get(name: string): string | null
  /** The snapshot proves its contents from then on. */
  sentAt: Instant
  readers: number
}

export type BatchedReads = (names: readonly string[]) => Promise<Snapshot>

/** In characters; well below the 10 MB that Upstash allows for a reply. */
const REPLY_LIMIT = 6_000_000
/** Forgetting one costs a refused batch. */
const SIZES_KEPT = 10_000

type Names = readonly string[]

export function createBatchedReads(send: Send, clock: Pick<Clock, 'monotonic' | 'now'>): BatchedReads {
  const sizes = new LRUCache<string, number>(keepRecent(SIZES_KEPT))

  async function readBatch(batch: readonly PendingQuestion<Names, Snapshot>[]): Promise<void> {
    const names = [...new Set(batch.flatMap(({ question }) => question))]
    const sentAt = currentInstant(clock)
    try {
      const snapshot = buildSnapshot(names, await send('MGET', ...names), sentAt, batch.length)
      for (const name of names) sizes.set(name, snapshot.get(name)?.length ?? 0)
      for (const { resolve } of batch) resolve(snapshot)
    } catch (error) {
      if (batch.length > 1 && hasCode(error, 'REDIS_TOO_LARGE')) {
        // One after the other: in parallel, the halves would again be what Redis refuses.
        const half = Math.ceil(batch.length / 2)
        await readBatch(batch.slice(0, half))
        await readBatch(batch.slice(half))
        return
      }
      for (const { reject } of batch) reject(error)
    }
  }

  const measureNames = (names: Names): number => names.reduce((sum, name) => sum + (sizes.peek(name) ?? 0), 0)
  return createBatching(readBatch, [{ most: REPLY_LIMIT, measure: measureNames }])
}

/** Throws REDIS_BAD_REPLY. */
export function buildSnapshot(
  names: readonly string[],
  reply: RawReply,
  sentAt: Instant,
  readers = 1,
): Snapshot {
  if (!Array.isArray(reply) || reply.length !== names.length)
    throw redisBadReply('MGET answered in another shape')
  const texts = reply.map((value) => (value === null ? null : String(value)))
  const byName = new Map(names.map((name, index) => [name, texts[index] ?? null]))
  return { get: (name) => byName.get(name) ?? null, sentAt, readers }
}

/**
 * Reads that share one MGET: whatever is asked for in the same tick travels in one command, never in one that has
 * already been sent, because that one may have been answered from before the asker began.
 */

import { LRUCache } from 'lru-cache'
import { type Clock, currentInstant, type Instant } from '../../../shared/clock'
import { hasCode } from '../../../shared/errors'
import { redisBadReply } from '../errors'
import { type Asked, createBatching } from './batching'
import { keepRecent } from './keepRecent'
import type { RawReply, Send } from './pipeline'

export interface Snapshot {
  /** Text by name; null for what is not there. */
  get(name: string): string | null
  /** When the request was sent: what it proves holds from then. */
  sentAt: Instant
  /** How many readers share the command. */
  readers: number
}

export type BatchedReads = (names: readonly string[]) => Promise<Snapshot>

/** Well below the 10 MB that Upstash allows for a reply, in characters. */
const REPLY_LIMIT = 6_000_000
/** How many sizes are remembered; forgetting one only costs a refused batch. */
const SIZES_KEPT = 10_000

type Names = readonly string[]

export function createBatchedReads(send: Send, clock: Pick<Clock, 'monotonic' | 'now'>): BatchedReads {
  const sizes = new LRUCache<string, number>(keepRecent(SIZES_KEPT))

  async function readBatch(batch: readonly Asked<Names, Snapshot>[]): Promise<void> {
    const names = [...new Set(batch.flatMap(({ question }) => question))]
    const sentAt = currentInstant(clock)
    try {
      const snapshot = buildSnapshot(names, await send('MGET', ...names), sentAt, batch.length)
      for (const name of names) sizes.set(name, snapshot.get(name)?.length ?? 0)
      for (const { resolve } of batch) resolve(snapshot)
    } catch (error) {
      if (batch.length > 1 && hasCode(error, 'REDIS_TOO_LARGE')) {
        // One after the other: all parts at a time would be what Redis refuses, in many requests.
        const half = Math.ceil(batch.length / 2)
        await readBatch(batch.slice(0, half))
        await readBatch(batch.slice(half))
        return
      }
      for (const { reject } of batch) reject(error)
    }
  }

  const measureNames = (names: Names): number => names.reduce((sum, name) => sum + (sizes.peek(name) ?? 0), 0)
  return createBatching(readBatch, [{ most: REPLY_LIMIT, of: measureNames }])
}

/** The answer of an MGET. Throws REDIS_BAD_REPLY. */
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

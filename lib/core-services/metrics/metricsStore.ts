/**
 * The sum over all instances, in one Redis hash: `total` since counting began, `live` with the last report of each
 * instance, and two rings of slots, one for each of the last minutes and hours. Each of them is one text, so that a script
 * merges any number of counts for three billed commands.
 */
import { hasCode } from '../../shared/errors'
import type { BreakerState } from '../../shared/events'
import type { Internals } from '../cache/connection'
import { redisBadReply } from '../cache/errors'
import { NEVER_DONE } from '../cache/redis/transport/refusals'
import { type Counts, decodeEntries, decodeSums, encodeEntries, type Sums } from './counts'
import { ADD_COUNTS_SCRIPT } from './scripts/addCounts'

export interface Batch {
  /** Higher with each batch of an instance. A batch that is sent again after a lost answer is not added twice. */
  number: number
  counts: Counts
}

/** A process that serves the app, as it last reported. Times are in ms since 1970. */
export interface InstanceMetrics {
  id: string
  seenAt: number
  startedAt: number
  breaker: BreakerState
  locks: number
}

/** What was counted within a minute or an hour that began at `at`. */
export interface Slot {
  at: number
  seconds: number
  sums: Sums
}

export interface StoredMetrics {
  /** When counting began; null when nothing was ever added. */
  since: number | null
  total: Counts
  live: readonly InstanceMetrics[]
  /** Oldest first, without gaps; the last one is the current minute or hour. */
  minutes: readonly Slot[]
  hours: readonly Slot[]
}

export type MetricsStore = ReturnType<typeof createMetricsStore>

const MINUTE_MS = 60_000

/** `size`: how many slots it has. `read`: how many of these are read; the rest is room for instances whose clocks differ. */
const MINUTES = { letter: 'm', slotMs: MINUTE_MS, size: 75, read: 61 }
const HOURS = { letter: 'h', slotMs: 60 * MINUTE_MS, size: 30, read: 25 }

/** How long after its end a slot may still grow, in ms; later it is not read again. */
const SETTLED_MS = 3 * MINUTE_MS
/** How long the last report of an instance is kept, in ms. */
const LIVE_MS = 20 * MINUTE_MS
/**
 * How long a batch is sent again after its answer was lost, in ms. Redis keeps its number for LIVE_MS: the difference is
 * room for instances whose clocks are five minutes apart.
 */
const SEND_AGAIN_MS = 15 * MINUTE_MS
/** Errors after which the batch was certainly not added: Redis refused it, or was never asked. */
const NOT_ADDED = [...NEVER_DONE, 'REDIS_CIRCUIT_OPEN', 'CACHE_UNAVAILABLE']

/** Names repeat: a slot with another stamp, the number of its minute or hour since 1970, holds counts of another time. */
type SlotKey = ReturnType<typeof listSlots>[number]

/** The last slots of a ring, the current one at the end. */
function listSlots({ letter, slotMs, size }: typeof MINUTES, count: number, now: number) {
  const oldest = Math.floor(now / slotMs) - count + 1
  return Array.from({ length: count }, (_, index) => {
    const stamp = oldest + index
    return { name: `${letter}${stamp % size}`, stamp, slotMs }
  })
}

export function createMetricsStore({ send, keys }: Internals) {
  const hash = keys.internal('metrics', 'all')
  /** Slots that do not change any more, by name. */
  const settled = new Map<string, { stamp: number; text: string }>()
  /** By instance: the last batch that may have been added, and when it was first sent. */
  const sent = new Map<string, { number: number; at: number }>()

  return {
    /**
     * Returns the cost in billed commands: 3; 4 for the first batch of an hour; 2 when it was added before. Rejects with a
     * REDIS_ error: then send the same batch again. After 15 minutes the batch is given up for 0 commands, because Redis no
     * longer knows whether it was added, unless it certainly never arrived.
     */
    async add(batch: Batch, instance: Omit<InstanceMetrics, 'seenAt'>, now: number): Promise<number> {
      const { number, counts } = batch
      const { id, startedAt, breaker, locks } = instance
      const before = sent.get(id)
      const first = before?.number === number ? before : { number, at: now }
      if (now - first.at > SEND_AGAIN_MS) return 0
      sent.set(id, first)
      const state = [startedAt, breaker, locks].join()
      const texts = [state, encodeEntries(counts.sums), encodeEntries(counts.latest)]
      const current = [MINUTES, HOURS].flatMap((ring) => listSlots(ring, 1, now))
      const slots = current.flatMap(({ name, stamp }) => [name, stamp])
      const args = [now, now - LIVE_MS, id, number, ...texts, ...slots]
      try {
        const calls = await send('EVAL', ADD_COUNTS_SCRIPT, 1, hash, ...args)
        if (typeof calls === 'number') return 1 + calls
      } catch (error) {
        if (first !== before && hasCode(error, ...NOT_ADDED)) sent.delete(id)
        throw error
      }
      throw redisBadReply('the metrics script did not return a number')
    },

    /** Costs 1 billed command. Slots that are over are read once. Rejects with a REDIS_ error. */
    async read(now: number): Promise<StoredMetrics> {
      const minutes = listSlots(MINUTES, MINUTES.read, now)
      const hours = listSlots(HOURS, HOURS.read, now)
      const unsettled = [...minutes, ...hours].filter(({ name, stamp }) => settled.get(name)?.stamp !== stamp)
      const reply = await send('HMGET', hash, 'total', 'live', ...unsettled.map(({ name }) => name))
      if (!Array.isArray(reply) || reply.length !== unsettled.length + 2)
        throw redisBadReply('HMGET of the metrics did not return one value for each name')
      const [total = '', live = '', ...texts] = reply.map((value) => (value === null ? '' : String(value)))
      const fresh = new Map(unsettled.map(({ name }, index) => [name, texts[index] ?? '']))
      const toSlot = ({ name, stamp, slotMs }: SlotKey): Slot => {
        const text = fresh.get(name) ?? settled.get(name)?.text ?? ''
        if ((stamp + 1) * slotMs + SETTLED_MS <= now) settled.set(name, { stamp, text })
        const [stored, counted = ''] = text.split('|')
        const sums = decodeSums(Number(stored) === stamp ? counted : '')
        return { at: stamp * slotMs, seconds: slotMs / 1000, sums }
      }
      const [since = '', sums = '', latest = ''] = total.split('|')
      return {
        since: since === '' ? null : Number(since),
        total: { sums: decodeSums(sums), latest: decodeEntries(latest) },
        live: Array.from(decodeEntries(live), parseReport),
        minutes: minutes.map(toSlot),
        hours: hours.map(toSlot),
      }
    },
  }
}

function parseReport([id, report]: readonly [string, string]): InstanceMetrics {
  const [seenAt, _number, startedAt, breaker, locks] = report.split(',')
  return {
    id,
    seenAt: Number(seenAt),
    startedAt: Number(startedAt),
    breaker: breaker as BreakerState,
    locks: Number(locks),
  }
}

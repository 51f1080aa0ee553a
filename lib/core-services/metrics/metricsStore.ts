/**
 * The sum over all instances, in one Redis hash: `total` since counting began, `live` with the last report of each
 * instance, and two rings of slots, one slot for each of the last minutes and hours. Instances add their counts with a
 * script, so none overwrites those of another. Each slot is one text: a script merges any number of counts for three
 * billed commands. The size is bounded by the number of slots and of counts in each.
 */
import { hasCode } from '../../shared/errors'
import type { BreakerState } from '../../shared/events'
import type { Internals } from '../cache/connection'
import { redisBadReply } from '../cache/errors'
import { NEVER_DONE } from '../cache/redis/transport/refusals'
import { type Counts, decodeEntries, decodeSums, encodeEntries, type Sums } from './counts'
import { ADD_COUNTS } from './scripts/addCounts'

export interface Batch {
  /** Higher with each batch of an instance: a batch that is sent again after a lost answer is not added twice. */
  number: number
  counts: Counts
}

/** One process that serves the app, as it last reported. */
export interface InstanceMetrics {
  /** Random, chosen at its start. */
  id: string
  /** When it last reported, ms since 1970. */
  seenAt: number
  startedAt: number
  breaker: BreakerState
  /** Locks that it held then. */
  locks: number
}

/** What was counted within a minute or an hour. */
export interface Slot {
  /** When it begins, ms since 1970. */
  at: number
  seconds: number
  sums: Sums
}

export interface StoredMetrics {
  /** When counting began, ms since 1970; null when nothing was ever added. */
  since: number | null
  total: Counts
  live: readonly InstanceMetrics[]
  /** Oldest first, without gaps; the last one is the current minute or hour. */
  minutes: readonly Slot[]
  hours: readonly Slot[]
}

export interface MetricsStore {
  /**
   * Adds a batch. Returns its cost in billed commands: 3; 4 for the first batch of an hour; 2 when it was added before.
   * Rejects with a REDIS_ error: then send the same batch again. After 15 minutes the batch is given up for 0 commands,
   * because Redis no longer knows whether it was added, unless it certainly never arrived.
   */
  add(batch: Batch, instance: Omit<InstanceMetrics, 'seenAt'>, now: number): Promise<number>
  /** Costs 1 billed command. Slots that are over are read once. Rejects with a REDIS_ error. */
  read(now: number): Promise<StoredMetrics>
}

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

interface SlotKey {
  /** In the hash. Names repeat: the ring is written over and over. */
  name: string
  /** The number of the minute or hour since 1970. A slot with another stamp holds counts of another time. */
  stamp: number
  slotMs: number
}

/** The last slots of a ring, the current one at the end. */
function listSlots({ letter, slotMs, size }: typeof MINUTES, count: number, now: number): SlotKey[] {
  const current = Math.floor(now / slotMs)
  return Array.from({ length: count }, (_, index) => {
    const stamp = current - (count - 1 - index)
    return { name: `${letter}${stamp % size}`, stamp, slotMs }
  })
}

export function createMetricsStore({ send, keys }: Internals): MetricsStore {
  const hash = keys.internal('metrics', 'all')
  /** Slots that do not change any more, by name. */
  const settled = new Map<string, { stamp: number; text: string }>()
  /** By instance: the last batch that may have been added, and when it was first sent. */
  const sent = new Map<string, { number: number; at: number }>()

  return {
    async add({ number, counts: { sums, latest } }, { id, startedAt, breaker, locks }, now) {
      const before = sent.get(id)
      const first = before?.number === number ? before : { number, at: now }
      if (now - first.at > SEND_AGAIN_MS) return 0
      sent.set(id, first)
      const state = [startedAt, breaker, locks].join()
      const args = [now, now - LIVE_MS, id, number, state, encodeEntries(sums), encodeEntries(latest)]
      const slots = [...listSlots(MINUTES, 1, now), ...listSlots(HOURS, 1, now)]
      const slotArgs = slots.flatMap(({ name, stamp }) => [name, stamp])
      const calls = await send('EVAL', ADD_COUNTS, 1, hash, ...args, ...slotArgs).catch((error: unknown) => {
        if (first !== before && hasCode(error, ...NOT_ADDED)) sent.delete(id)
        throw error
      })
      if (typeof calls !== 'number') throw redisBadReply('the metrics script did not return a number')
      return 1 + calls
    },

    async read(now) {
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
        const [stored, sums = ''] = text.split('|')
        return {
          at: stamp * slotMs,
          seconds: slotMs / 1000,
          sums: decodeSums(Number(stored) === stamp ? sums : ''),
        }
      }
      const [since = '', sums = '', latest = ''] = total.split('|')
      return {
        since: since === '' ? null : Number(since),
        total: { sums: decodeSums(sums), latest: decodeEntries(latest) },
        live: parseLive(live),
        minutes: minutes.map(toSlot),
        hours: hours.map(toSlot),
      }
    },
  }
}

function parseLive(text: string): InstanceMetrics[] {
  return [...decodeEntries(text)].map(([id, report]) => {
    const [seenAt, _number, startedAt, breaker, locks] = report.split(',')
    return {
      id,
      seenAt: Number(seenAt),
      startedAt: Number(startedAt),
      breaker: breaker as BreakerState,
      locks: Number(locks),
    }
  })
}

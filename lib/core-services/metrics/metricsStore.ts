/**
 * The sum over all instances, in one Redis hash: `total` since counting began, `live` with the last report of each
 * instance, and two rings of slots, one slot for each of the last minutes and hours. Instances add their counts with a
 * script, so none overwrites those of another. Each slot is one text: a script merges any number of counts for three
 * billed commands. The size is bounded by the number of slots and of counts in each.
 */

import { hasCode } from '../../shared/errors'
import type { Internals } from '../cache/connection'
import { redisBadReply } from '../cache/errors'
import { billedScript } from '../cache/redis/billing'
import { SHEBANG } from '../cache/redis/shebang'
import { NEVER_DONE } from '../cache/redis/transport/refusals'
import { type Counts, decodeSums, decodeTexts, encodeSums, encodeTexts } from './counts'

export interface Batch {
  /** Higher with each batch of an instance: a batch that is sent again after a lost answer is not added twice. */
  number: number
  counts: Counts
}

/** The instance that reports. */
export interface ReportingInstance {
  id: string
  /** What other instances show of it: texts without `,`, `;` and `=`. */
  state: readonly (string | number)[]
}

/** What was counted within a minute or an hour. */
export interface Slot {
  /** When it begins, ms since 1970. */
  at: number
  seconds: number
  sums: ReadonlyMap<string, number>
}

export interface StoredMetrics {
  /** When counting began, ms since 1970; null when nothing was ever added. */
  since: number | null
  total: Counts
  /** By id: when an instance last reported, and its state. */
  live: ReadonlyMap<string, { seenAt: number; state: string[] }>
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
  add(batch: Batch, instance: ReportingInstance, now: number): Promise<number>
  /** Costs 1 billed command. Slots that are over are read once. Rejects with a REDIS_ error. */
  read(now: number): Promise<StoredMetrics>
}

const MINUTE = 60_000
const HOUR = 3_600_000
/** How many slots of each kind are read: an hour and a day, and the current one. */
const MINUTES_READ = 61
const HOURS_READ = 25
/** How many slots the rings have. The rest is room for instances whose clocks differ. */
const MINUTE_SLOTS = 75
const HOUR_SLOTS = 30
/** How long after its end a slot may still grow, in ms; later it is not read again. */
const SETTLED_MS = 3 * MINUTE
/** How long the last report of an instance is kept, in ms. */
const LIVE_MS = 20 * MINUTE
/**
 * How long a batch is sent again after its answer was lost, in ms. Redis keeps its number for LIVE_MS: the difference is
 * room for instances whose clocks are five minutes apart.
 */
const SEND_AGAIN_MS = 15 * MINUTE
/** Errors after which the batch was certainly not added: Redis refused it, or was never asked. */
const NOT_ADDED = [...NEVER_DONE, 'REDIS_CIRCUIT_OPEN', 'CACHE_UNAVAILABLE']
/** How long the hash lives after the last hour in which a batch was added, in seconds. */
const LIFE_SECONDS = 30 * 86_400
/** How many counts a slot takes; a field has about 60. */
const MAX_COUNTS = 10_000

/**
 * KEYS: the hash. ARGV: now in ms, the time before which reports are dropped, id, number, state, sums, last events, then
 * slot and stamp of the minute and of the hour. Returns how many commands it called: the bill.
 */
const ADD_SCRIPT = billedScript(
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

local since, totals, words = string.match(stored[1] or '', '^([^|]*)|([^|]*)|([^|]*)$')
local written = {
  'total', (since or now) .. '|' .. merged(totals or '', sums, plus) .. '|' .. merged(words or '', latest, later),
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

interface SlotKey {
  /** In the hash. Names repeat: the ring is written over and over. */
  name: string
  /** The number of the minute or hour since 1970. A slot with another stamp holds counts of another time. */
  stamp: number
  milliseconds: number
}

const minuteAt = (time: number): SlotKey => {
  const stamp = Math.floor(time / MINUTE)
  return { name: `m${stamp % MINUTE_SLOTS}`, stamp, milliseconds: MINUTE }
}

const hourAt = (time: number): SlotKey => {
  const stamp = Math.floor(time / HOUR)
  return { name: `h${stamp % HOUR_SLOTS}`, stamp, milliseconds: HOUR }
}

export function createMetricsStore({ send, keys }: Internals): MetricsStore {
  const hash = keys.internal('metrics', 'all')
  /** Slots that do not change any more, by name. */
  const settled = new Map<string, { stamp: number; text: string }>()
  /** By instance: the last batch that may have been added, and when it was first sent. */
  const sent = new Map<string, { number: number; at: number }>()

  return {
    async add({ number, counts: { sums, latest } }, { id, state }, now) {
      const before = sent.get(id)
      const first = before?.number === number ? before : { number, at: now }
      if (now - first.at > SEND_AGAIN_MS) return 0
      sent.set(id, first)
      const args = [now, now - LIVE_MS, id, number, state.join(), encodeSums(sums), encodeTexts(latest)]
      const slots = [minuteAt(now), hourAt(now)].flatMap(({ name, stamp }) => [name, stamp])
      const calls = await send('EVAL', ADD_SCRIPT, 1, hash, ...args, ...slots).catch((error: unknown) => {
        if (first !== before && hasCode(error, ...NOT_ADDED)) sent.delete(id)
        throw error
      })
      if (typeof calls !== 'number') throw redisBadReply('the metrics script did not return a number')
      return 1 + calls
    },

    async read(now) {
      const minutes = listSlots(MINUTES_READ, minuteAt(now))
      const hours = listSlots(HOURS_READ, hourAt(now))
      const unsettled = [...minutes, ...hours].filter(({ name, stamp }) => settled.get(name)?.stamp !== stamp)
      const reply = await send('HMGET', hash, 'total', 'live', ...unsettled.map(({ name }) => name))
      if (!Array.isArray(reply) || reply.length !== unsettled.length + 2)
        throw redisBadReply('HMGET of the metrics did not return one value for each name')
      const [total, live, ...texts] = reply.map((value) => (value === null ? '' : String(value)))
      const fresh = new Map(unsettled.map(({ name }, index) => [name, texts[index] ?? '']))
      const toSlot = ({ name, stamp, milliseconds }: SlotKey): Slot => {
        const text = fresh.get(name) ?? settled.get(name)?.text ?? ''
        if ((stamp + 1) * milliseconds + SETTLED_MS <= now) settled.set(name, { stamp, text })
        const [stored, sums = ''] = text.split('|')
        const current = Number(stored) === stamp
        return {
          at: stamp * milliseconds,
          seconds: milliseconds / 1000,
          sums: current ? decodeSums(sums) : new Map(),
        }
      }
      return {
        ...parseTotal(total ?? ''),
        live: parseLive(live ?? ''),
        minutes: minutes.map(toSlot),
        hours: hours.map(toSlot),
      }
    },
  }
}

/** As many slots as `count`, ending with `last`. */
function listSlots(count: number, last: SlotKey): SlotKey[] {
  const slotAt = last.milliseconds === MINUTE ? minuteAt : hourAt
  return Array.from({ length: count }, (_, index) =>
    slotAt((last.stamp - (count - 1 - index)) * last.milliseconds),
  )
}

function parseTotal(text: string): Pick<StoredMetrics, 'since' | 'total'> {
  const [since = '', sums = '', latest = ''] = text.split('|')
  return {
    since: since === '' ? null : Number(since),
    total: { sums: decodeSums(sums), latest: decodeTexts(latest) },
  }
}

function parseLive(text: string): StoredMetrics['live'] {
  const reports = [...decodeTexts(text)].map(([id, value]) => {
    const [seenAt, , ...state] = value.split(',')
    return [id, { seenAt: Number(seenAt), state }] as const
  })
  return new Map(reports)
}

/**
 * The sum over all instances, in one hash of Redis: `total` since the beginning, `live` with what instances last told of
 * themselves, and two rings of slots, one for each of the last minutes and hours. Instances add what they have counted;
 * nobody overwrites what another one has added. Each slot is one text, so that a script can merge any number of counts for
 * three billed commands. Its size is bounded by the number of slots and of counts in each.
 */

import { hasCode } from '../../shared/errors'
import type { Internals } from '../cache/connection'
import { redisBadReply } from '../cache/errors'
import { billedScript } from '../cache/redis/billing'
import { SHEBANG } from '../cache/redis/shebang'
import { NEVER_DONE } from '../cache/redis/transport/refusals'
import { decodeSums, decodeTexts, encodeSums, encodeTexts, type Tally } from './counts'

export interface Batch {
  /** Counted up by the instance with each batch: one that is sent again after a lost answer is not added twice. */
  number: number
  tally: Tally
}

export interface Teller {
  id: string
  /** What others shall know of it: texts without `,`, `;` and `=`. */
  state: readonly (string | number)[]
}

/** What was counted within some time. */
export interface Slot {
  /** When it begins, ms since 1970. */
  at: number
  seconds: number
  sums: ReadonlyMap<string, number>
}

export interface StoredMetrics {
  /** Ms since 1970; null when nothing was ever added. */
  since: number | null
  total: Tally
  /** By id: when an instance told of itself last, and its state. */
  live: ReadonlyMap<string, { seenAt: number; state: string[] }>
  /** Oldest first, without gaps; the last ones are under way. */
  minutes: readonly Slot[]
  hours: readonly Slot[]
}

export interface MetricsStore {
  /**
   * Adds a batch. 3 billed commands, 4 when it is the first one of an hour, 2 when it had been added before; answers how
   * many. Rejects with a REDIS_ error: then send the same batch again. After 15 minutes it is given up for 0 commands,
   * unless Redis certainly never had it: by then no instance knows any more whether it was added.
   */
  add(batch: Batch, teller: Teller, now: number): Promise<number>
  /** 1 billed command. Slots that are over are asked for once. Rejects with a REDIS_ error. */
  read(now: number): Promise<StoredMetrics>
}

const MINUTE = 60_000
const HOUR = 3_600_000
/** How many slots of each kind are told: an hour and a day, and the one that is under way. */
const MINUTES_TOLD = 61
const HOURS_TOLD = 25
/** How many there are. The rest is room for instances whose clocks differ. */
const MINUTE_SLOTS = 75
const HOUR_SLOTS = 30
/** A slot of minutes is not added to any more when it is this much over. */
const SETTLED_MS = 3 * MINUTE
/** How long an instance is remembered that tells nothing more, in ms. */
const LIVE_MS = 20 * MINUTE
/**
 * How long a batch of which the answer was lost is sent again, in ms. Its number is known for LIVE_MS by the clocks of the
 * instances: this leaves room for clocks that are five minutes apart.
 */
const SEND_AGAIN_MS = 15 * MINUTE
/** Redis has refused what fails so, or was never asked. */
const NOT_ADDED = [...NEVER_DONE, 'REDIS_CIRCUIT_OPEN', 'CACHE_UNAVAILABLE']
/** How long all of it is kept when nobody adds anything, in s. */
const LIFE_SECONDS = 30 * 86_400
/** How many counts a slot takes; a field has about 60. */
const MOST_COUNTS = 10_000

/**
 * KEYS: the hash. ARGV: now in ms, the oldest that counts as live, id, number, state, sums, last words, then the slot and
 * the stamp of the minute and of the hour. Answers how many calls it has made.
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
    elseif known < ${MOST_COUNTS} then values[name] = value; known = known + 1 end
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

interface Place {
  name: string
  /** Counts the slots since 1970: the slot holds those of another time until it is written anew. */
  stamp: number
  milliseconds: number
}

const minuteAt = (time: number): Place => {
  const stamp = Math.floor(time / MINUTE)
  return { name: `m${stamp % MINUTE_SLOTS}`, stamp, milliseconds: MINUTE }
}

const hourAt = (time: number): Place => {
  const stamp = Math.floor(time / HOUR)
  return { name: `h${stamp % HOUR_SLOTS}`, stamp, milliseconds: HOUR }
}

export function createMetricsStore({ send, keys }: Internals): MetricsStore {
  const hash = keys.internal('metrics', 'all')
  /** Texts of slots that are over. */
  const over = new Map<string, { stamp: number; text: string }>()
  /** By instance: its last batch that may have been added, and when that was. */
  const sent = new Map<string, { number: number; at: number }>()

  return {
    async add({ number, tally: { sums, latest } }, { id, state }, now) {
      const before = sent.get(id)
      const first = before?.number === number ? before : { number, at: now }
      if (now - first.at > SEND_AGAIN_MS) return 0
      sent.set(id, first)
      const args = [now, now - LIVE_MS, id, number, state.join(), encodeSums(sums), encodeTexts(latest)]
      const places = [minuteAt(now), hourAt(now)].flatMap(({ name, stamp }) => [name, stamp])
      const calls = await send('EVAL', ADD_SCRIPT, 1, hash, ...args, ...places).catch((error: unknown) => {
        if (first !== before && hasCode(error, ...NOT_ADDED)) sent.delete(id)
        throw error
      })
      if (typeof calls !== 'number') throw redisBadReply('the script answered in another shape')
      return 1 + calls
    },

    async read(now) {
      const minutes = lastOf(MINUTES_TOLD, minuteAt(now))
      const hours = lastOf(HOURS_TOLD, hourAt(now))
      const unknown = [...minutes, ...hours].filter(({ name, stamp }) => over.get(name)?.stamp !== stamp)
      const reply = await send('HMGET', hash, 'total', 'live', ...unknown.map(({ name }) => name))
      if (!Array.isArray(reply) || reply.length !== unknown.length + 2)
        throw redisBadReply('HMGET answered in another shape')
      const [total, live, ...texts] = reply.map((value) => (value === null ? '' : String(value)))
      const fresh = new Map(unknown.map(({ name }, index) => [name, texts[index] ?? '']))
      const slotOf = ({ name, stamp, milliseconds }: Place): Slot => {
        const text = fresh.get(name) ?? over.get(name)?.text ?? ''
        if ((stamp + 1) * milliseconds + SETTLED_MS <= now) over.set(name, { stamp, text })
        const [stored, sums = ''] = text.split('|')
        const current = Number(stored) === stamp
        return {
          at: stamp * milliseconds,
          seconds: milliseconds / 1000,
          sums: current ? decodeSums(sums) : new Map(),
        }
      }
      return {
        ...totalOf(total ?? ''),
        live: liveOf(live ?? ''),
        minutes: minutes.map(slotOf),
        hours: hours.map(slotOf),
      }
    },
  }
}

function lastOf(count: number, last: Place): Place[] {
  const placeAt = last.milliseconds === MINUTE ? minuteAt : hourAt
  return Array.from({ length: count }, (_, index) =>
    placeAt((last.stamp - (count - 1 - index)) * last.milliseconds),
  )
}

function totalOf(text: string): Pick<StoredMetrics, 'since' | 'total'> {
  const [since = '', sums = '', latest = ''] = text.split('|')
  return {
    since: since === '' ? null : Number(since),
    total: { sums: decodeSums(sums), latest: decodeTexts(latest) },
  }
}

function liveOf(text: string): StoredMetrics['live'] {
  const told = [...decodeTexts(text)].map(([id, value]) => {
    const [seenAt, , ...state] = value.split(',')
    return [id, { seenAt: Number(seenAt), state }] as const
  })
  return new Map(told)
}

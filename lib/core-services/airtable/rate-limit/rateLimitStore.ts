/** What the request budget asks of Redis: one exchange, which tells what has ended and takes what is wanted. */

import { z } from 'zod'
import type { Internals } from '../../cache/connection'
import { redisBadReply } from '../../cache/errors'
import { RATE_LIMIT_SCRIPT } from './rateLimitScript'

/** Why a base is left alone: too many requests in a second, or in a month. */
export type CoolKind = 'rate-limit' | 'quota'

export interface RateLimitRequest {
  /** For how long nobody gets a permit, in ms, if Redis has no state. */
  quietMs: number
  /** Permits and places in the line that are given back; once is enough, twice does no harm. */
  back: readonly {
    base: string
    ticket: string
    /** In how many ms from now it may be used again; 0 for what was not used. */
    gap: number
    /** Airtable answered, and did not refuse. */
    works: boolean
  }[]
  /** Cool-downs to open, in ms; `foregroundMs`: after which a caller who waits may try once. */
  cool: readonly { base: string; kind: CoolKind; ms: number; foregroundMs: number }[]
  /** What this process has found out: the clock of Redis went ahead. From which skew to which. */
  jumped?: ClockJump
  take?: PermitRequest
}

/** Both in ms; a jump counts only while the skew is still the one that it was seen with. */
export interface ClockJump {
  from: number
  to: number
}

export interface PermitRequest {
  base: string
  /** The same one each time a caller asks again, so that it keeps its place. */
  ticket: string
  /** By how many ms later than others it counts as come: above 0 for background. */
  late: number
  perBase: number
  perToken: number
  /** A permit is promised that long before it is free. */
  aheadMs: number
  /** How long the permit counts as busy if it is not given back. */
  holdMs: number
  /** For each one ahead so many ms until the next try, and how many at most. */
  pauseMs: number
  mostPauseMs: number
  /** How long after twice its pause a place in the line is kept. */
  lineMs: number
  /** After a try during a spent quota: until the next one. */
  probeMs: number
}

export type RateLimitReply =
  /** Wait so long, then send. */
  | { kind: 'granted'; ms: number }
  /** Wait so long, then ask again. */
  | { kind: 'later'; ms: number }
  | { kind: 'cooling'; ms: number; why: CoolKind }
  /** Nothing was wanted. */
  | { kind: 'told' }

/** The clock of Redis when it answered: ms since 1970, and by how many ms it is known to have jumped in all. */
export interface RedisTime {
  at: number
  skew: number
}

/** How a base stands, over all instances. */
export interface BaseUse {
  base: string
  /** Permits that are taken: their requests are under way, or were answered within the last second. */
  inUse: number
  /** Callers in line for one. */
  waiting: number
  /** Why and for how much longer it is left alone, in seconds. */
  coolDown: { why: CoolKind; seconds: number } | null
}

export interface RateLimitStore {
  /**
   * `heard` is told what the clock of Redis says. Rejects with a REDIS_ error: what was asked may then have been done all
   * the same.
   */
  exchange(request: RateLimitRequest, heard?: (time: RedisTime) => void): Promise<RateLimitReply>
  /** The bases that are in use or left alone. Two billed commands. Rejects with a REDIS_ error. */
  look(): Promise<BaseUse[]>
}

/** Lua knows no empty list: it writes an empty object. */
const timed = z.preprocess(Object.values, z.array(z.object({ to: z.number() })))

/** The state as the script writes it, as far as it is looked at; times in ms by the clock of Redis. */
const storedState = z.object({
  at: z.number().optional(),
  bases: z.record(
    z.string(),
    z.object({
      holds: timed,
      line: timed,
      cool: z.object({ kind: z.number(), to: z.number() }).optional(),
    }),
  ),
})

/** As the script numbers them; it keeps the greater one. */
const KINDS = ['rate-limit', 'quota'] as const satisfies readonly CoolKind[]

/** One state for all bases: they share the limit of the token. */
export function createRateLimitStore({ send, keys }: Internals): RateLimitStore {
  const name = keys.internal('budget', 'airtable')
  return {
    async exchange({ cool, ...request }, heard) {
      const numbered = cool.map((one) => ({ ...one, kind: KINDS.indexOf(one.kind) + 1 }))
      const reply = await send(
        'EVAL',
        RATE_LIMIT_SCRIPT,
        1,
        name,
        JSON.stringify({ ...request, cool: numbered }),
      )
      const [code, ms, kind, at, skew] = Array.isArray(reply) ? reply : []
      if (
        typeof ms !== 'number' ||
        typeof kind !== 'number' ||
        typeof at !== 'number' ||
        typeof skew !== 'number'
      )
        throw redisBadReply('the budget answered in another shape')
      heard?.({ at, skew })
      if (code === 2) return { kind: 'told' }
      if (code === 1) return { kind: 'granted', ms }
      if (code === 0) return { kind: 'later', ms }
      return { kind: 'cooling', ms, why: toCoolKind(kind) }
    },
    async look() {
      const [clock, text] = await Promise.all([send('TIME'), send('GET', name)])
      const [seconds, micros] = Array.isArray(clock) ? clock.map(Number) : []
      if (seconds === undefined || micros === undefined) throw redisBadReply('TIME answered in another shape')
      return text === null ? [] : parseBases(String(text), seconds * 1000 + micros / 1000)
    },
  }
}

const toCoolKind = (kind: number): CoolKind => KINDS[kind - 1] ?? 'rate-limit'

function parseBases(text: string, time: number): BaseUse[] {
  const { bases, at = time } = storedState.parse(JSON.parse(text))
  // Where the clock went back since, as the script will find out.
  const now = Math.max(time, at)
  const count = (list: { to: number }[]) => list.filter(({ to }) => to > now).length
  return Object.entries(bases)
    .map(([base, { holds, line, cool }]) => ({
      base,
      inUse: count(holds),
      waiting: count(line),
      coolDown:
        cool && cool.to > now
          ? { why: toCoolKind(cool.kind), seconds: Math.ceil((cool.to - now) / 1000) }
          : null,
    }))
    .filter(({ inUse, waiting, coolDown }) => inUse + waiting > 0 || coolDown !== null)
}

import { z } from 'zod'
import { hasCode } from '../../../shared/errors'
import type { Internals } from '../../cache/connection'
import { cacheUnavailable, redisBadReply } from '../../cache/errors'
import { serviceRegistry } from '../../service-registry'
import { RATE_LIMIT_SCRIPT } from './rateLimitScript'

/** Too many requests in a second, or in a month. */
export type CoolKind = 'rate-limit' | 'quota'

export interface RateLimitRequest {
  /** How long no permit is granted if Redis has no state, in ms. */
  quietMs: number
  /** Permits and places in the queue to give back. Giving one back twice does no harm. */
  back: readonly {
    base: string
    ticket: string
    /** Ms until it may be used again; 0 for a permit that was not used. */
    gap: number
    /** Whether Airtable answered without a refusal. */
    works: boolean
  }[]
  /** Cool-downs to open. `ms`: how long they last. `foregroundMs`: when one request of a waiting caller may be tried. */
  cool: readonly { base: string; kind: CoolKind; ms: number; foregroundMs: number }[]
  jumped?: ClockJump
  take?: PermitRequest
}

/** The skew before and after the jump, in ms. A jump counts only while the skew is still `from`. */
export interface ClockJump {
  from: number
  to: number
}

export interface PermitRequest {
  base: string
  /** The same for each retry of a caller, which thus keeps its place in the queue. */
  ticket: string
  /** By how much its arrival counts as later, in ms. Above 0 for a background request. */
  late: number
  perBase: number
  perToken: number
  /** How long before it is free a permit may be promised, in ms. */
  aheadMs: number
  /** How long the permit counts as used when it is not given back, in ms. */
  holdMs: number
  /** Pause before the next try for each request ahead, in ms, up to `mostPauseMs`. */
  pauseMs: number
  mostPauseMs: number
  /** How long a place in the queue is kept beyond twice its pause, in ms. */
  lineMs: number
  /** Time between two tries while the quota is spent, in ms. */
  probeMs: number
}

export type RateLimitReply =
  /** Wait for `ms`, then send. */
  | { kind: 'granted'; ms: number }
  /** Wait for `ms`, then ask again. */
  | { kind: 'later'; ms: number }
  | { kind: 'cooling'; ms: number; why: CoolKind }
  | { kind: 'reported' }

/** The clock of Redis when it answered, in ms since 1970. `skew`: the sum of its known jumps, in ms. */
export interface RedisTime {
  at: number
  skew: number
}

export interface BaseUse {
  base: string
  /** Permits whose requests are running or were answered within the last second. */
  inUse: number
  waiting: number
  /** `seconds`: what is left of the cool-down. */
  coolDown: { why: CoolKind; seconds: number } | null
}

export interface RateLimitStore {
  /** Calls `onTime` with the clock of Redis. Rejects with a REDIS_ error; the request may still have taken effect. */
  exchange(request: RateLimitRequest, onTime?: (time: RedisTime) => void): Promise<RateLimitReply>
  /** Costs two billed commands. Rejects with a REDIS_ error. */
  readBases(): Promise<BaseUse[]>
}

/** Lua encodes an empty list as an empty object. */
const timed = z.preprocess(Object.values, z.array(z.object({ to: z.number() })))

/** Times are ms by the clock of Redis. */
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

/** The script numbers them from 1, and keeps the greater one. */
const KINDS = ['rate-limit', 'quota'] as const satisfies readonly CoolKind[]

/** All bases have one state, because they share the limit of the token. */
export function createRateLimitStore({ send, keys }: Internals): RateLimitStore {
  const name = keys.internal('budget', 'airtable')
  return {
    async exchange({ cool, ...request }, onTime) {
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
        throw redisBadReply('the script of the rate limiter answered in another shape')
      onTime?.({ at, skew })
      if (code === 2) return { kind: 'reported' }
      if (code === 1) return { kind: 'granted', ms }
      if (code === 0) return { kind: 'later', ms }
      return { kind: 'cooling', ms, why: toCoolKind(kind) }
    },
    async readBases() {
      const [clock, text] = await Promise.all([send('TIME'), send('GET', name)])
      const [seconds, micros] = Array.isArray(clock) ? clock.map(Number) : []
      if (seconds === undefined || micros === undefined) throw redisBadReply('TIME answered in another shape')
      return text === null ? [] : parseBases(String(text), seconds * 1000 + micros / 1000)
    },
  }
}

export async function processRateLimitStore(): Promise<RateLimitStore> {
  try {
    return createRateLimitStore((await serviceRegistry.getService('cache')).internals)
  } catch (error) {
    // Without a cache service the process limits only itself.
    if (!hasCode(error, 'SERVICE_FAILED', 'SERVICE_UNKNOWN')) throw error
    throw cacheUnavailable(error.cause ?? error)
  }
}

const toCoolKind = (kind: number): CoolKind => KINDS[kind - 1] ?? 'rate-limit'

function parseBases(text: string, time: number): BaseUse[] {
  const { bases, at = time } = storedState.parse(JSON.parse(text))
  // The clock may have gone back since the state was written.
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

/**
 * Tells a reader with a value to serve how long to wait for Redis, from the requests of this process. The request
 * itself runs to its own deadline.
 */

import { type Clock, currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import { hasCode } from '../../../../shared/errors'
import { REFUSED_ALL } from './refusals'

export interface Patience {
  /** For a reader with a value to serve, in ms. */
  softMs: number
  /** The deadline of a request, and for a reader without a value, in ms. */
  hardMs: number
}

export interface Reachability {
  /**
   * In ms. 0 after a timeout or after Redis refused everything, until it answers. The hard deadline while connections
   * may have to be opened first.
   */
  patienceMs(): number
  gaveUp(): void
  watch<T>(asking: Promise<T>): Promise<T>
  /** Monotonic clock, ms. */
  answeredSince(since: number): boolean
}

/** In ms: a load balancer or a laptop may then have closed connections. */
const IDLE_MS = 5_000

/** With every other REDIS_ error Redis has answered. */
const SILENT = [
  'REDIS_TIMEOUT',
  'REDIS_UNREACHABLE',
  'REDIS_BAD_REPLY',
  'REDIS_CIRCUIT_OPEN',
  'CACHE_UNAVAILABLE',
]

export const isUnanswered = (error: unknown): boolean => hasCode(error, ...SILENT)

export function createReachability(
  { softMs, hardMs }: Patience,
  clock: Pick<Clock, 'monotonic' | 'now'>,
): Reachability {
  let answeredAt: Instant | null = null
  let silent = false

  function isIdle(): boolean {
    return answeredAt === null || passedSince(clock, answeredAt) > IDLE_MS
  }

  return {
    patienceMs() {
      if (silent) return 0
      return isIdle() ? hardMs : softMs
    },
    gaveUp() {
      silent = true
    },
    async watch(asking) {
      try {
        const outcome = await asking
        answeredAt = currentInstant(clock)
        silent = false
        return outcome
      } catch (error) {
        if (isUnanswered(error) || hasCode(error, ...REFUSED_ALL)) silent = true
        throw error
      }
    },
    answeredSince: (since) => answeredAt !== null && answeredAt.monotonic > since,
  }
}

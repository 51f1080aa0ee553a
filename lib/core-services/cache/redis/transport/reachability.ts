/**
 * What this process knows of whether Redis answers, from the requests of its fields. It tells a reader that has
 * something to serve how long to wait; a request itself goes on to its own deadline, for readers that have nothing.
 */

import { type Clock, currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import { hasCode } from '../../../../shared/errors'
import { REFUSED_ALL } from './refusals'

export interface Patience {
  /** How long a reader waits that has something to serve, in ms. */
  softMs: number
  /** How long one waits that has nothing: the deadline of a request, in ms. */
  hardMs: number
}

export interface Reachability {
  /**
   * How long a reader that has something to serve waits for Redis, in ms. 0 once Redis was silent or has refused
   * everything, until it answers; the hard deadline while connections may have to be opened first.
   */
  patienceMs(): number
  /** A reader has gone without its answer. */
  gaveUp(): void
  /** Passes the outcome on, and notes what it tells. */
  watch<T>(asking: Promise<T>): Promise<T>
  /** Whether Redis has answered anything after that time (monotonic clock, ms). */
  answeredSince(since: number): boolean
}

/** After so many ms without an answer connections may have been closed, as a load balancer or a laptop does. */
const IDLE_MS = 5_000

/** With these Redis was not there; with every other REDIS_ error it was, and refused. */
const SILENT = [
  'REDIS_TIMEOUT',
  'REDIS_UNREACHABLE',
  'REDIS_BAD_REPLY',
  'REDIS_CIRCUIT_OPEN',
  'CACHE_UNAVAILABLE',
]

/** Whether Redis did not answer, rather than refuse. */
export const wasSilent = (error: unknown): boolean => hasCode(error, ...SILENT)

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
        if (wasSilent(error) || hasCode(error, ...REFUSED_ALL)) silent = true
        throw error
      }
    },
    answeredSince: (since) => answeredAt !== null && answeredAt.monotonic > since,
  }
}

/**
 * Whether Redis answers, as the requests of this process show. It tells a reader with a value to serve how long to
 * wait. The request itself runs to its own deadline, for readers without a value.
 */

import { type Clock, currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import { hasCode } from '../../../../shared/errors'
import { REFUSED_ALL } from './refusals'

export interface Patience {
  /** How long a reader with a value to serve waits, in ms. */
  softMs: number
  /** How long a reader without a value waits, in ms: the deadline of a request. */
  hardMs: number
}

export interface Reachability {
  /**
   * How long a reader with a value to serve waits for Redis, in ms. 0 after a timeout or after Redis refused
   * everything, until it answers. The hard deadline while connections may have to be opened first.
   */
  patienceMs(): number
  /** A reader went on without waiting for its answer. */
  gaveUp(): void
  /** Records the outcome of a request and passes it on. */
  watch<T>(asking: Promise<T>): Promise<T>
  /** Whether Redis has answered after `since` (monotonic clock, ms). */
  answeredSince(since: number): boolean
}

/** Idle connections may have been closed by a load balancer or a laptop. In ms. */
const IDLE_MS = 5_000

/** Errors that mean that Redis did not answer. With every other REDIS_ error it did. */
const SILENT = [
  'REDIS_TIMEOUT',
  'REDIS_UNREACHABLE',
  'REDIS_BAD_REPLY',
  'REDIS_CIRCUIT_OPEN',
  'CACHE_UNAVAILABLE',
]

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

/** Whether Redis accepts writes. A full or read-only database answers every ping, so only a refused write tells. */

import type { Clock } from '../../../../shared/clock'
import { isRedisFailure } from '../../errors'
import { refusesWrites } from './refusals'

export interface RefusedWrites {
  code: string
  message: string
  hint?: string | undefined
  /** First refusal; ms since 1970. */
  since: number
  /** Last refusal; monotonic clock, ms. */
  lastAt: number
}

export interface WriteHealth {
  /** Null after a successful write, and before the first one. */
  readonly refused: Readonly<RefusedWrites> | null
  record(command: string, error: unknown): void
  /**
   * Calls `tryAgain` to write something when the last attempt is 30 s ago: a process that only reads would never notice
   * that the refusals have ended.
   */
  checked(tryAgain: () => Promise<unknown>): Promise<Readonly<RefusedWrites> | null>
}

/** In ms. */
const TELLS_MS = 30_000

/** A full Redis always refuses these. Deletes always succeed, and scripts may have written nothing. */
const PROOFS = new Set(['set', 'mset', 'msetnx', 'incr', 'hset', 'lpush', 'rpush', 'sadd'])

export function createWriteHealth(clock: Pick<Clock, 'now' | 'monotonic'>): WriteHealth {
  let refused: RefusedWrites | null = null
  let triedAt = Number.NEGATIVE_INFINITY
  return {
    get refused() {
      return refused
    },
    record(command, error) {
      if (refusesWrites(error)) {
        const { code, message, hint } = error
        const since = refused?.since ?? clock.now()
        refused = { code, message, hint, since, lastAt: clock.monotonic() }
      } else if (error === null && PROOFS.has(command.toLowerCase())) refused = null
    },
    async checked(tryAgain) {
      const now = clock.monotonic()
      if (!refused || now - Math.max(refused.lastAt, triedAt) < TELLS_MS) return refused
      triedAt = now
      try {
        await tryAgain()
      } catch (error) {
        // A refusal was recorded by the transport.
        if (!isRedisFailure(error)) throw error
      }
      return refused
    },
  }
}

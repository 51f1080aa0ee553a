/**
 * Whether Redis takes writes, as the commands of this process have found out. A database that is full or read-only
 * answers every ping, so only a refused write tells.
 */

import type { Clock } from '../../../../shared/clock'
import { isRedisFailure } from '../../errors'
import { refusesWrites } from './refusals'

export interface RefusedWrites {
  /** The code of the error with which the last write was refused, and its message. */
  code: string
  message: string
  hint?: string | undefined
  /** When the first of them was refused, ms since 1970. */
  since: number
  /** When the last one was, monotonic clock, ms. */
  lastAt: number
}

export interface WriteHealth {
  /** Null when the last write was taken, and before the first one. */
  readonly refused: Readonly<RefusedWrites> | null
  /** Notes what became of a command; `error` is null when it was done. */
  note(command: string, error: unknown): void
  /**
   * What is refused now: where the last try is 30 s ago, `tryAgain` is asked to write something first. A process that only
   * reads would never find out by itself that it is over.
   */
  checked(tryAgain: () => Promise<unknown>): Promise<Readonly<RefusedWrites> | null>
}

/** For how long a refused write tells that the next one would be refused, in ms. */
const TELLS_MS = 30_000

/**
 * A full Redis refuses these whatever they would do, so one that was done proves that writes are taken. Deletes are
 * always taken, and scripts may have written nothing.
 */
const PROOFS = new Set(['set', 'mset', 'msetnx', 'incr', 'hset', 'lpush', 'rpush', 'sadd'])

export function createWriteHealth(clock: Pick<Clock, 'now' | 'monotonic'>): WriteHealth {
  let refused: RefusedWrites | null = null
  let triedAt = Number.NEGATIVE_INFINITY
  return {
    get refused() {
      return refused
    },
    note(command, error) {
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
        // A refusal is noted by the transport, and every other failure tells nothing of writes.
        if (!isRedisFailure(error)) throw error
      }
      return refused
    },
  }
}

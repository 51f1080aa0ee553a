/**
 * Whether Redis takes writes, as the commands of this process have found out. A database that is full or read-only
 * answers every ping, so only a refused write tells.
 */
import type { Clock } from './ports'
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
}

/**
 * A full Redis refuses these whatever they would do, so one that was done proves that writes are taken. Deletes are
 * always taken, and scripts may have written nothing.
 */
const PROOFS = new Set(['set', 'mset', 'msetnx', 'incr', 'hset', 'lpush', 'rpush', 'sadd'])

export function createWriteHealth(clock: Pick<Clock, 'now' | 'monotonic'>): WriteHealth {
  let refused: RefusedWrites | null = null
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
  }
}

/**
 * The tokens that this process has read, and its own invalidations. Entries are compared with them when read or stored,
 * so an invalidation does not walk the memory. Times are monotonic, in ms. Bounded: a forgotten token requires a new
 * proof of older entries; a forgotten invalidation outdates all older entries.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../../shared/clock'
import type { Token, TokenMap } from '../../entry/versionTokens'
import { keepRecent } from '../../redis/keepRecent'

export interface KnownTokens {
  /** `at`: when its request was sent. */
  record(guard: string, token: Token, at: number): void
  /** The last token that Redis returned, if its request was sent by `at`. */
  tokenReadBy(guard: string, at: number): Token | undefined
  /** Outdates entries under these guards, except those with the spared token. */
  drop(guards: readonly string[], spared?: SparedToken): void
  dropAll(): void
  /** `at`: when the request that proved the entry was sent. */
  outdated(tokens: TokenMap, at: number): boolean
  /** Proofs requested up to this time no longer count: newer tokens may be forgotten. */
  readonly forgottenUntil: number
  /** Like `outdated`, for a fetch that began at `at`. */
  overtaken(tokens: TokenMap, at: number): boolean
}

/**
 * The token of a newer entry, written or read by a request sent at `since`. Answers can arrive out of order, so it is
 * not spared when newer information is known.
 */
export interface SparedToken {
  token: Token
  since: number
}

interface Drop {
  at: number
  unless: Token | undefined
  allAt: number
}

const KEPT = 10_000

type Later = (one: number, other: number) => boolean
const isLater: Later = (one, other) => one > other

export function createKnownTokens(clock: Pick<Clock, 'monotonic'>, kept = KEPT): KnownTokens {
  let allDroppedAt = Number.NEGATIVE_INFINITY
  let forgottenUntil = Number.NEGATIVE_INFINITY
  // Read by `peek`: what counts is when a guard was written last.
  const drops = new LRUCache<string, Drop>(
    keepRecent(kept, ({ at }) => {
      allDroppedAt = Math.max(allDroppedAt, at)
    }),
  )
  const lastRead = new LRUCache<string, { token: Token; at: number }>(
    keepRecent(kept, ({ at }) => {
      forgottenUntil = Math.max(forgottenUntil, at)
    }),
  )

  function dropOne(guard: string, unless: Token | undefined): void {
    const at = clock.monotonic()
    const allAt = unless === undefined ? at : (drops.peek(guard)?.allAt ?? Number.NEGATIVE_INFINITY)
    drops.set(guard, { at, unless, allAt })
  }

  function isOutdated(tokens: TokenMap, at: number, later: Later): boolean {
    if (later(allDroppedAt, at)) return true
    return Object.entries(tokens).some(([guard, token]) => {
      const drop = drops.peek(guard)
      if (drop && later(token === drop.unless ? drop.allAt : drop.at, at)) return true
      const last = lastRead.peek(guard)
      return last !== undefined && last.token !== token && later(last.at, at)
    })
  }

  return {
    record(guard, token, at) {
      const last = lastRead.peek(guard)
      if (last && last.at > at) return
      lastRead.set(guard, { token, at })
    },
    tokenReadBy(guard, at) {
      const last = lastRead.peek(guard)
      return last && last.at <= at ? last.token : undefined
    },
    drop(guards, spared) {
      for (const guard of guards) {
        const overtaken = spared && isOutdated({ [guard]: spared.token }, spared.since, isLater)
        dropOne(guard, overtaken ? undefined : spared?.token)
      }
    },
    dropAll() {
      allDroppedAt = clock.monotonic()
    },
    get forgottenUntil() {
      return forgottenUntil
    },
    outdated: (tokens, at) => isOutdated(tokens, at, (one, other) => one >= other),
    overtaken: (tokens, at) => isOutdated(tokens, at, isLater),
  }
}

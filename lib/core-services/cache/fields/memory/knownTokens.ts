/**
 * What this process knows of tokens: those that Redis has told last, and what this process has invalidated itself. It
 * is compared when something is read or stored, so an invalidation costs no walk over what is in memory. Times are those
 * of the monotonic clock, in ms. Bounded: when a token that was told is forgotten, what was proved before it was told
 * last needs a new proof; when an own invalidation is forgotten, all that was proved before it counts as invalidated.
 */
import type { Clock } from '../../../../shared/clock'
import type { Token, TokenMap } from '../../entry/versionTokens'

export interface KnownTokens {
  /** `at`: when the request was sent that Redis has answered with this token. */
  note(guard: string, token: Token, at: number): void
  /** The token that Redis has told last, if that was in answer to a request that was sent by `at`. */
  toldBy(guard: string, at: number): Token | undefined
  /** Outdates what is guarded by one of these, but for entries that store the spared token. */
  drop(guards: readonly string[], spared?: SparedToken): void
  /** Outdates everything. */
  dropAll(): void
  /** Whether what stores these tokens is known to be outdated, if it was proved by a request that was sent at `at`. */
  outdated(tokens: TokenMap, at: number): boolean
  /** Proofs that were requested up to this time count no more: newer tokens may have been forgotten. Monotonic, ms. */
  readonly forgottenUntil: number
  /** Like `outdated`, for a fetch that began at `at`: only what became known after that counts. */
  overtaken(tokens: TokenMap, at: number): boolean
}

/**
 * The token of a newer entry. `since`: when the request was sent that wrote or read it. Answers can come in another order
 * than their requests were done: a token about which something newer is known by then is not spared.
 */
export interface SparedToken {
  token: Token
  since: number
}

interface Drop {
  at: number
  /** The token that was spared. */
  unless: Token | undefined
  /** Time of the last drop without an exception. */
  allAt: number
}

/** How many guards are remembered as dropped, and as many tokens as told; the latter by when they were told last. */
const KEPT = 10_000

type Later = (one: number, other: number) => boolean
const isLater: Later = (one, other) => one > other

export function createKnownTokens(clock: Pick<Clock, 'monotonic'>, kept = KEPT): KnownTokens {
  const drops = new Map<string, Drop>()
  const told = new Map<string, { token: Token; at: number }>()
  let allDroppedAt = Number.NEGATIVE_INFINITY
  let forgottenUntil = Number.NEGATIVE_INFINITY

  function dropOne(guard: string, unless: Token | undefined): void {
    const at = clock.monotonic()
    const allAt = unless === undefined ? at : (drops.get(guard)?.allAt ?? Number.NEGATIVE_INFINITY)
    drops.delete(guard)
    drops.set(guard, { at, unless, allAt })
    if (drops.size <= kept) return
    const [oldest] = drops
    if (!oldest) return
    allDroppedAt = Math.max(allDroppedAt, oldest[1].at)
    drops.delete(oldest[0])
  }

  function isOutdated(tokens: TokenMap, at: number, later: Later): boolean {
    if (later(allDroppedAt, at)) return true
    return Object.entries(tokens).some(([guard, token]) => {
      const drop = drops.get(guard)
      if (drop && later(token === drop.unless ? drop.allAt : drop.at, at)) return true
      const last = told.get(guard)
      return last !== undefined && last.token !== token && later(last.at, at)
    })
  }

  return {
    note(guard, token, at) {
      const last = told.get(guard)
      if (last && last.at > at) return
      told.delete(guard)
      told.set(guard, { token, at })
      if (told.size <= kept) return
      const [oldest] = told
      if (!oldest) return
      forgottenUntil = Math.max(forgottenUntil, oldest[1].at)
      told.delete(oldest[0])
    },
    toldBy(guard, at) {
      const last = told.get(guard)
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

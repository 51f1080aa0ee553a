/**
 * The memory layer: entries that this process has seen, with the time of the request that proved each of them. Bounded
 * by size and age. Each reader parses a value of its own, so nobody can spoil it for others.
 */
import { LRUCache } from 'lru-cache'
import type { Entry } from './entry'
import type { Clock, Instant } from './ports'
import type { Token } from './tokens'

export interface Copy {
  /** Unpacked. */
  readonly entry: Entry
  /** When the request was sent that proved it last. */
  provenAt: Instant
}

export interface Copies {
  get(place: string): Copy | undefined
  /** `sentAt`: of the request that proved the entry. `keepMs`: how long it may be of use. */
  put(place: string, entry: Entry, sentAt: Instant, keepMs: number): void
  prove(copy: Copy, sentAt: Instant): void
  /** How long ago a copy was proved, in ms. */
  unprovenFor(copy: Copy): number
  drop(place: string): void
  /**
   * Drops whatever is guarded by one of these, and takes nothing more that was asked for before. `unless`: what stores
   * this token is newer.
   */
  dropGuarded(guards: readonly string[], unless?: Token): void
}

interface Drop {
  at: number
  /** The token that was spared. */
  unless: Token | undefined
  /** When nothing was spared last. */
  allAt: number
}

/** What a copy costs besides its body, and each of its tokens, in bytes. */
const OVERHEAD = 500
const TOKEN_OVERHEAD = 200
/** How many guards are remembered as dropped. */
const DROPS_KEPT = 10_000
/** How long a value without end is kept without being asked for, in ms. */
const LONGEST_MS = 86_400_000

/** `maxBytes` 0 turns the layer off. */
export function createCopies(maxBytes: number, clock: Pick<Clock, 'monotonic' | 'now'>): Copies {
  const copies = new LRUCache<string, Copy>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ entry }) =>
      entry.body.length * 2 + OVERHEAD + Object.keys(entry.tokens).length * TOKEN_OVERHEAD,
    perf: { now: clock.monotonic },
    // Or it would answer for a ms with the time that it has read before.
    ttlResolution: 0,
  })
  /** By guard: when it was dropped last (monotonic clock, ms). Whatever was forgotten counts as dropped as late. */
  const drops = new Map<string, Drop>()
  let forgottenAt = Number.NEGATIVE_INFINITY

  function noteDrop(guard: string, unless: Token | undefined): void {
    const at = clock.monotonic()
    const allAt = unless === undefined ? at : (drops.get(guard)?.allAt ?? Number.NEGATIVE_INFINITY)
    drops.delete(guard)
    drops.set(guard, { at, unless, allAt })
    const [oldest] = drops
    if (drops.size <= DROPS_KEPT || !oldest) return
    forgottenAt = oldest[1].at
    drops.delete(oldest[0])
  }

  const wasDropped = ({ tokens }: Entry, sentAt: number): boolean =>
    sentAt <= forgottenAt ||
    Object.entries(tokens).some(([guard, token]) => {
      const drop = drops.get(guard)
      return drop !== undefined && sentAt <= (token === drop.unless ? drop.allAt : drop.at)
    })

  return {
    get: (place) => copies.get(place),
    put(place, entry, sentAt, keepMs) {
      const ttl = Math.ceil(Math.min(keepMs, LONGEST_MS))
      const known = copies.get(place)
      if (maxBytes === 0 || !(ttl > 0) || wasDropped(entry, sentAt.monotonic)) return
      // An answer that was asked for earlier may come later.
      if (known && known.provenAt.monotonic > sentAt.monotonic) return
      copies.set(place, { entry, provenAt: sentAt }, { ttl })
    },
    prove(copy, sentAt) {
      if (sentAt.monotonic > copy.provenAt.monotonic) copy.provenAt = sentAt
    },
    // A frozen process finds one of its clocks standing where it was.
    unprovenFor: ({ provenAt }) =>
      Math.max(clock.monotonic() - provenAt.monotonic, clock.now() - provenAt.wall),
    drop: (place) => {
      copies.delete(place)
    },
    dropGuarded(guards, unless) {
      for (const guard of guards) noteDrop(guard, unless)
      for (const [place, { entry }] of copies.entries()) {
        const isOld = (guard: string) => Object.hasOwn(entry.tokens, guard) && entry.tokens[guard] !== unless
        if (guards.some(isOld)) copies.delete(place)
      }
    },
  }
}

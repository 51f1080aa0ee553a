/**
 * The memory layer: entries that this process has seen, with the time of the request that proved each of them. Bounded
 * by size and age. Each reader parses a value of its own, so no reader can spoil it for others. What is known to be
 * outdated is found out when it is read: an invalidation walks over nothing.
 */
import { LRUCache } from 'lru-cache'
import { type Clock, type Instant, passedSince } from '../../../../shared/clock'
import type { Entry } from '../../entry/entry'
import type { Token, TokenMap } from '../../entry/versionTokens'
import { createKnownTokens, type SparedToken } from './knownTokens'

export interface Copy {
  /** Unpacked. */
  readonly entry: Entry
  /** When the request was sent that proved it last. */
  provenAt: Instant
}

export interface MemoryCache {
  /** Undefined as well for a copy that this process knows to be invalidated: that one is dropped for good. */
  get(place: string): Copy | undefined
  /** `sentAt`: of the request that proved the entry. `keepMs`: how long it may be of use. */
  put(place: string, entry: Entry, sentAt: Instant, keepMs: number): void
  prove(copy: Copy, sentAt: Instant): void
  /** How long ago a copy was proved, in ms; Infinity when what was learned since is forgotten. */
  unprovenFor(copy: Copy): number
  drop(place: string): void
  /** Drops whatever is guarded by one of these but stores the spared token, and takes nothing more that was asked for before. */
  dropGuarded(guards: readonly string[], spared?: SparedToken): void
  /** Drops everything, and takes nothing more that was asked for before. */
  dropAll(): void
  /** Tokens that Redis has told in answer to a request that was sent then; null for those that are missing. */
  noteTokens(tokens: Iterable<readonly [guard: string, token: Token | null]>, sentAt: Instant): void
  /** The token that Redis has told last, if it was asked by `at` (monotonic clock, ms). */
  toldBy(guard: string, at: number): Token | undefined
  /** Whether a fetch that began at `since` (monotonic clock, ms) under these tokens is known to be outdated. */
  overtaken(tokens: TokenMap, since: number): boolean
}

/** What a copy costs besides its body, and each of its tokens, in bytes. */
const OVERHEAD = 500
const TOKEN_OVERHEAD = 200
/** How long a value without end is kept without being asked for, in ms. */
const LONGEST_MS = 86_400_000

/** `maxBytes` 0 turns the layer off. */
export function createMemoryCache(maxBytes: number, clock: Pick<Clock, 'monotonic' | 'now'>): MemoryCache {
  const copies = new LRUCache<string, Copy>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ entry }) =>
      entry.body.length * 2 + OVERHEAD + Object.keys(entry.tokens).length * TOKEN_OVERHEAD,
    perf: { now: clock.monotonic },
    // Or it would answer for a ms with the time that it has read before.
    ttlResolution: 0,
  })
  const known = createKnownTokens(clock)

  function get(place: string): Copy | undefined {
    const copy = copies.get(place)
    if (!copy || !known.outdated(copy.entry.tokens, copy.provenAt.monotonic)) return copy
    copies.delete(place)
    return undefined
  }

  return {
    get,
    put(place, entry, sentAt, keepMs) {
      const ttl = Math.ceil(Math.min(keepMs, LONGEST_MS))
      if (maxBytes === 0 || !(ttl > 0)) return
      // An answer that was asked for earlier may come later.
      const before = get(place)
      if (before && before.provenAt.monotonic > sentAt.monotonic) return
      copies.set(place, { entry, provenAt: sentAt }, { ttl })
    },
    prove(copy, sentAt) {
      if (sentAt.monotonic > copy.provenAt.monotonic) copy.provenAt = sentAt
    },
    unprovenFor: ({ provenAt }) =>
      provenAt.monotonic <= known.forgottenUntil ? Number.POSITIVE_INFINITY : passedSince(clock, provenAt),
    drop: (place) => {
      copies.delete(place)
    },
    dropGuarded: known.drop,
    dropAll: known.dropAll,
    noteTokens(tokens, { monotonic }) {
      for (const [guard, token] of tokens) if (token !== null) known.note(guard, token, monotonic)
    },
    toldBy: known.toldBy,
    overtaken: known.overtaken,
  }
}

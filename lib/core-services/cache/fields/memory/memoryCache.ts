/**
 * Entries in memory, each with the time of the request that proved it. Bounded by size and age. Each reader parses its
 * own value, so no reader can change it for others.
 */
import { LRUCache } from 'lru-cache'
import { type Clock, type Instant, passedSince } from '../../../../shared/clock'
import type { Entry } from '../../entry/entry'
import type { Token, TokenMap } from '../../entry/versionTokens'
import { createKnownTokens, type SparedToken } from './knownTokens'

export interface Copy {
  readonly entry: Entry
  /** Sending of the last request that proved it. */
  provenAt: Instant
}

export interface MemoryCache {
  /** Undefined, too, for a copy that this process has invalidated. */
  get(slotName: string): Copy | undefined
  /** `sentAt`: of the request that proved the entry. `keepMs`: how long it may be used. */
  put(slotName: string, entry: Entry, sentAt: Instant, keepMs: number): void
  prove(copy: Copy, sentAt: Instant): void
  /** In ms since the last proof; Infinity when newer tokens are forgotten. */
  unprovenFor(copy: Copy): number
  drop(slotName: string): void
  /**
   * Removes every copy under `guards`, except those with the spared token, and rejects entries requested before this
   * call.
   */
  dropGuarded(guards: readonly string[], spared?: SparedToken): void
  /** Rejects entries requested before this call, too. */
  dropAll(): void
  /** Null for missing tokens. */
  noteTokens(tokens: Iterable<readonly [guard: string, token: Token | null]>, sentAt: Instant): void
  /** Only from requests sent by `at` (monotonic clock, ms). */
  tokenReadBy(guard: string, at: number): Token | undefined
  /** Whether a fetch that began at `since` (monotonic clock, ms) is known to be outdated. */
  overtaken(tokens: TokenMap, since: number): boolean
}

/** In bytes, in addition to the body; and for each token. */
const OVERHEAD = 500
const TOKEN_OVERHEAD = 200
/** For values without end, in ms. */
const LONGEST_MS = 86_400_000

/** `maxBytes` 0 turns the layer off. */
export function createMemoryCache(maxBytes: number, clock: Pick<Clock, 'monotonic' | 'now'>): MemoryCache {
  const copies = new LRUCache<string, Copy>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ entry }) =>
      entry.body.length * 2 + OVERHEAD + Object.keys(entry.tokens).length * TOKEN_OVERHEAD,
    perf: { now: clock.monotonic },
    // Otherwise the cache would reuse a time that it read up to a ms before.
    ttlResolution: 0,
  })
  const known = createKnownTokens(clock)

  function get(slotName: string): Copy | undefined {
    const copy = copies.get(slotName)
    if (!copy || !known.outdated(copy.entry.tokens, copy.provenAt.monotonic)) return copy
    copies.delete(slotName)
    return undefined
  }

  return {
    get,
    put(slotName, entry, sentAt, keepMs) {
      const ttl = Math.ceil(Math.min(keepMs, LONGEST_MS))
      if (maxBytes === 0 || !(ttl > 0)) return
      // An earlier request may be answered later.
      const before = get(slotName)
      if (before && before.provenAt.monotonic > sentAt.monotonic) return
      copies.set(slotName, { entry, provenAt: sentAt }, { ttl })
    },
    prove(copy, sentAt) {
      if (sentAt.monotonic > copy.provenAt.monotonic) copy.provenAt = sentAt
    },
    unprovenFor: ({ provenAt }) =>
      provenAt.monotonic <= known.forgottenUntil ? Number.POSITIVE_INFINITY : passedSince(clock, provenAt),
    drop: (slotName) => {
      copies.delete(slotName)
    },
    dropGuarded: known.drop,
    dropAll: known.dropAll,
    noteTokens(tokens, { monotonic }) {
      for (const [guard, token] of tokens) if (token !== null) known.record(guard, token, monotonic)
    },
    tokenReadBy: known.tokenReadBy,
    overtaken: known.overtaken,
  }
}

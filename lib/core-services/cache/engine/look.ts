/** One look at a field in Redis, and what may be made of it. Pure: no clock, no requests. */
import { decodeEntry, type Entry } from './entry'
import type { FieldStore } from './fieldStore'
import type { Snapshot } from './tickReads'
import { type Token, tokensHold } from './tokens'

export interface Look {
  /** The entry if its tokens hold, else null: a token-stale value is served to nobody. */
  valid: Entry | null
  /** In the order of the guards; null for one that was never created or was evicted. */
  tokens: readonly (Token | null)[]
  sentAt: number
}

export function lookFrom(
  snapshot: Snapshot,
  { entry, guard }: FieldStore['names'],
  key: string,
  guards: readonly string[],
): Look {
  const text = snapshot.get(entry(key))
  const stored = text === null ? null : decodeEntry(text)
  const tokens = guards.map((name) => snapshot.get(guard(name)))
  return {
    valid: stored && tokensHold(guards, stored.tokens, tokens) ? stored : null,
    tokens,
    sentAt: snapshot.sentAt,
  }
}

export interface Windows {
  ttl: number | 'forever'
  staleWhileRevalidate?: number | undefined
  staleIfError?: number | undefined
}

/** How far clocks of instances may be apart, in s. */
const CLOCK_SKEW_SECONDS = 600

export type Freshness = 'fresh' | 'stale' | 'degraded' | 'expired'

/** What the age of a valid entry allows: `stale` while it is refreshed, `degraded` only when the source fails. */
export function freshnessOf(
  { fetchedAt }: Pick<Entry, 'fetchedAt'>,
  windows: Windows,
  now: number,
): Freshness {
  const age = (now - fetchedAt) / 1000
  // No clock of ours is that far ahead: whoever wrote this did not mean its age.
  if (!(age > -CLOCK_SKEW_SECONDS)) return 'expired'
  if (windows.ttl === 'forever') return 'fresh'
  const stale = windows.staleWhileRevalidate ?? 0
  if (age < windows.ttl) return 'fresh'
  if (age < windows.ttl + stale) return 'stale'
  return age < windows.ttl + stale + (windows.staleIfError ?? 0) ? 'degraded' : 'expired'
}

/** How long Redis keeps an entry, in s: as long as anybody may serve it. */
export function lifetimeOf({ ttl, staleWhileRevalidate = 0, staleIfError = 0 }: Windows): number | 'forever' {
  return ttl === 'forever' ? ttl : ttl + staleWhileRevalidate + staleIfError
}

/** Names a flight by the tokens it runs under and the entry it replaces: after an invalidation nobody joins it. */
export function flightName(tokens: readonly Token[], replaced: Entry | null): string {
  return `${tokens.join('.')}.${replaced?.revision ?? '-'}`
}

export function allPresent(tokens: readonly (Token | null)[]): tokens is readonly Token[] {
  return tokens.every((token) => token !== null)
}

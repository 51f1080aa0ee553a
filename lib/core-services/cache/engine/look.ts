/** One look at a field in Redis, and what may be made of it. Pure: no clock, no requests. */
import { decodeEntry, type Entry, type EntryHeader, isForeignEntry } from './entry'
import type { Instant } from './ports'
import { shortHash } from './shortHash'
import { COARSE_GUARD, type Token, type TokenMap, tokensHold } from './tokens'

export interface Look {
  /** The entry that stands there, whatever its tokens. */
  stored: Entry | null
  /** Tells what stands there, even if it is no entry of ours, from whatever comes after it; null for nothing. */
  replaced: Pick<Entry, 'revision'> | null
  /** An entry stands there that only another release can read. */
  foreign: boolean
  /** What is `stored` if its tokens hold, else null. */
  valid: Entry | null
  /** In the order of the guards; null for one that was never created or was evicted. */
  tokens: readonly (Token | null)[]
  /** Tokens of dependencies, as far as they were looked at and stand. */
  dependencies: TokenMap
  /** Who holds the lease that was asked for. */
  holder: string | null
  /** When the request was sent: what it proves holds from then. */
  sentAt: Instant
}

export interface Seen {
  text: string | null
  token(guard: string): Token | null
  holder?: string | null
  /** Only an encrypted entry counts: anybody can write another one. */
  sealed?: boolean
  sentAt: Instant
}

/** `dependencies`: the guards besides `guards` that `token` can tell. */
export function lookFrom(
  { text, token, holder = null, sealed = false, sentAt }: Seen,
  guards: readonly string[],
  dependencies: readonly string[],
): Look {
  const decoded = text === null ? null : decodeEntry(text)
  const stored = sealed && !decoded?.packing?.sealed ? null : decoded
  const standing = dependencies.flatMap((guard) => {
    const value = token(guard)
    return value === null ? [] : [[guard, value] as const]
  })
  return {
    stored,
    replaced: stored ?? (text === null ? null : { revision: shortHash(text) }),
    foreign: decoded === null && text !== null && isForeignEntry(text),
    valid: stored && holds(stored, guards, token) ? stored : null,
    tokens: Object.freeze(guards.map(token)),
    dependencies: Object.freeze(Object.fromEntries(standing)),
    holder,
    sentAt,
  }
}

/** Whether the tokens of an entry stand: those of its guards, and of what its value depends on. */
export function holds(
  entry: EntryHeader,
  guards: readonly string[],
  token: (guard: string) => Token | null,
): boolean {
  const watched = guardsOf(entry, guards)
  return watched !== null && tokensHold(watched, entry.tokens, token)
}

/** The guards whose tokens decide about an entry; null for one that was stored before the field had dependencies. */
export function guardsOf({ dependencies }: EntryHeader, guards: readonly string[]): string[] | null {
  if (!guards.includes(COARSE_GUARD)) return [...guards]
  return dependencies ? [...guards.filter((guard) => guard !== COARSE_GUARD), ...dependencies] : null
}

/** Whether an entry stores a token of each guard that decides about it: it may be from before the field had that one. */
export function covers(entry: EntryHeader, guards: readonly string[]): boolean {
  return guardsOf(entry, guards)?.every((guard) => Object.hasOwn(entry.tokens, guard)) ?? false
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
  { fetchedAt, freshMs = Number.POSITIVE_INFINITY, endMs = Number.POSITIVE_INFINITY }: EntryHeader,
  windows: Windows,
  now: number,
): Freshness {
  const age = (now - fetchedAt) / 1000
  // No clock of ours is that far ahead: whoever wrote this did not mean its age.
  if (!(age > -CLOCK_SKEW_SECONDS) || age >= endMs / 1000) return 'expired'
  const ttl = windows.ttl === 'forever' ? Number.POSITIVE_INFINITY : windows.ttl
  const stale = windows.staleWhileRevalidate ?? 0
  if (age < Math.min(ttl, freshMs / 1000)) return 'fresh'
  if (age < ttl + stale) return 'stale'
  return age < ttl + stale + (windows.staleIfError ?? 0) ? 'degraded' : 'expired'
}

/** How long anybody may serve an entry, in s from the start of its fetch. */
export function lifetimeOf(
  { ttl, staleWhileRevalidate = 0, staleIfError = 0 }: Windows,
  { endMs }: Pick<EntryHeader, 'endMs'> = {},
): number | 'forever' {
  const end = endMs === undefined ? Number.POSITIVE_INFINITY : Math.ceil(endMs / 1000)
  if (ttl === 'forever') return endMs === undefined ? ttl : end
  return Math.min(ttl + staleWhileRevalidate + staleIfError, end)
}

/** Names a flight by the tokens it runs under and the entry it replaces: after an invalidation nobody joins it. */
export function flightName(place: string, tokens: readonly Token[], replaced: Look['replaced']): string {
  return `${place} ${tokens.join('.')}.${replaced?.revision ?? '-'}`
}

export function allPresent(tokens: readonly (Token | null)[]): tokens is readonly Token[] {
  return tokens.every((token) => token !== null)
}

/** One look at a field in Redis, and what may be made of it. Pure: no clock, no requests. */

import type { Instant } from '../../../shared/clock'
import type { Freshness } from '../../../shared/events'
import { shortHash } from '../../../shared/shortHash'
import { decodeEntry, type Entry, type EntryHeader, isForeignEntry } from './entry'
import { COARSE_GUARD, isTagGuard, type Token, type TokenMap, tokensHold } from './versionTokens'

export interface Look {
  /** The entry that stands there, whatever its tokens. */
  stored: Entry | null
  /** Tells what stands there, even if it is no entry of ours, from whatever comes after it; null for nothing. */
  replaced: Pick<Entry, 'revision'> | null
  /** An entry stands there that only another release can read. */
  foreign: boolean
  /** What is `stored` if its tokens hold, else null. */
  valid: Entry | null
  /**
   * What guards the entry that replaces the one that stands there: the reader's guards, and the tags under which others
   * have stored it.
   */
  guards: readonly string[]
  /** In the order of the guards; null for one that was never created or was evicted. */
  tokens: readonly (Token | null)[]
  /** Tokens of dependencies, as far as they were looked at and stand. */
  dependencies: TokenMap
  /** Tokens that decide about what stands there and are named by no guard: without the coarse one, those of dependencies. */
  watched: string
  /** Who holds the lease that was asked for. */
  holder: string | null
  /** When the request was sent: what it proves holds from then. */
  sentAt: Instant
}

export interface Seen {
  text: string | null
  token(guard: string): Token | null
  holder?: string | null
  sentAt: Instant
}

/**
 * `stored`: what the text holds as far as this reader can tell. `readerGuards`: those of the reader's configuration, its own
 * first. `dependencies`: the guards besides those that `token` can tell.
 */
export function lookFrom(
  { text, token, holder = null, sentAt }: Seen,
  stored: Entry | null,
  readerGuards: readonly string[],
  dependencies: readonly string[],
): Look {
  const guards = uniteGuards(readerGuards, stored)
  const standing = dependencies.flatMap((guard) => {
    const value = token(guard)
    return value === null ? [] : [[guard, value] as const]
  })
  return {
    stored,
    replaced: stored ?? (text === null ? null : { revision: shortHash(text) }),
    foreign: stored === null && text !== null && isForeignEntry(text) && decodeEntry(text) === null,
    valid: stored && holds(stored, readerGuards, token) ? stored : null,
    guards: Object.freeze(guards),
    tokens: Object.freeze(guards.map(token)),
    dependencies: Object.freeze(Object.fromEntries(standing)),
    watched: watchedTokens(stored, guards, token),
    holder,
    sentAt,
  }
}

/** What a text from Redis holds. `sealed`: only an encrypted entry counts, because anybody can write another one. */
export function storedIn(text: string | null, sealed: boolean): Entry | null {
  const entry = text === null ? null : decodeEntry(text)
  return sealed && !entry?.packing?.sealed ? null : entry
}

/** How many tags an entry has at most, with those that only its value tells. */
export const MOST_TAGS = 1_000

/**
 * The guards of what replaces an entry. It keeps the tags under which others have stored it, or readers that name different
 * tags would each find the other's entry without theirs, and fetch for ever. What only the last value has told is not kept.
 */
export function uniteGuards(readerGuards: readonly string[], replaced: EntryHeader | null): string[] {
  const named = new Set(readerGuards)
  const told = new Set(replaced?.dependencies)
  const others = Object.keys(replaced?.tokens ?? {})
    .filter((guard) => isTagGuard(guard) && !named.has(guard) && !told.has(guard))
    .sort()
    .slice(0, Math.max(0, MOST_TAGS - readerGuards.filter(isTagGuard).length))
  if (others.length === 0) return [...readerGuards]
  const [own = '', ...rest] = readerGuards
  const tags = [...rest.filter(isTagGuard), ...others].sort()
  return [own, ...tags, ...rest.filter((guard) => !isTagGuard(guard))]
}

/** Whether the tokens of an entry stand, all of them, and whether it has one of each guard of the reader. */
export function holds(
  entry: EntryHeader,
  readerGuards: readonly string[],
  token: (guard: string) => Token | null,
): boolean {
  return covers(entry, readerGuards) && tokensHold(Object.keys(entry.tokens), entry.tokens, token)
}

/**
 * Whether an entry stores a token of each guard that the reader knows of. It may be from before the field had that one,
 * or from a writer that does not know it; then nothing tells whether it was invalidated meanwhile.
 */
export function covers({ tokens, dependencies }: EntryHeader, readerGuards: readonly string[]): boolean {
  if (dependencies === undefined && readerGuards.includes(COARSE_GUARD)) return false
  const known = [...readerGuards.filter((guard) => guard !== COARSE_GUARD), ...(dependencies ?? [])]
  return known.every((guard) => Object.hasOwn(tokens, guard))
}

/** With the coarse token a flight needs no others: every invalidation of tags changes it. */
export function watchedTokens(
  entry: EntryHeader | null,
  guards: readonly string[],
  token: (guard: string) => Token | null,
): string {
  if (guards.includes(COARSE_GUARD)) return ''
  return (entry?.dependencies ?? []).map((guard) => token(guard) ?? '-').join('.')
}

export interface Windows {
  ttl: number | 'forever'
  staleWhileRevalidate?: number | undefined
  staleIfError?: number | undefined
}

/** How far clocks of instances may be apart, in s. */
const CLOCK_SKEW_SECONDS = 600

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
export function flightName(
  place: string,
  tokens: readonly Token[],
  { replaced, watched }: Pick<Look, 'replaced' | 'watched'>,
): string {
  return `${place} ${tokens.join('.')}.${replaced?.revision ?? '-'}${watched && `.${watched}`}`
}

export function allPresent(tokens: readonly (Token | null)[]): tokens is readonly Token[] {
  return tokens.every((token) => token !== null)
}

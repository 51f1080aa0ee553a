/** One lookup of a field in Redis: its entry and tokens as they were at one moment. Pure: no clock, no requests. */

import type { Instant } from '../../../shared/clock'
import { shortHash } from '../../../shared/shortHash'
import { decodeEntry, type Entry, type EntryHeader, isForeignEntry } from '../entry/entry'
import { isEntryCurrent } from '../entry/freshness'
import { COARSE_GUARD, isTagGuard, type Token, type TokenMap } from '../entry/versionTokens'

export interface Lookup {
  /** The entry that stands there, whatever its tokens. */
  stored: Entry | null
  /** Tells what stands there, even if it is no entry of ours, from whatever comes after it; null for nothing. */
  current: Pick<Entry, 'revision'> | null
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
  dependencyFingerprint: string
  /** Who holds the lease that was asked for. */
  holder: string | null
  /** When the request was sent: what it proves holds from then. */
  sentAt: Instant
}

export interface LookupReply {
  text: string | null
  token(guard: string): Token | null
  holder?: string | null
  sentAt: Instant
}

/**
 * `stored`: what the text holds as far as this reader can tell. `readerGuards`: those of the reader's configuration, its own
 * first. `dependencies`: the guards besides those that `token` can tell.
 */
export function buildLookup(
  { text, token, holder = null, sentAt }: LookupReply,
  stored: Entry | null,
  readerGuards: readonly string[],
  dependencies: readonly string[],
): Lookup {
  const guards = uniteGuards(readerGuards, stored)
  const standing = dependencies.flatMap((guard) => {
    const value = token(guard)
    return value === null ? [] : [[guard, value] as const]
  })
  return {
    stored,
    current: stored ?? (text === null ? null : { revision: shortHash(text) }),
    foreign: stored === null && text !== null && isForeignEntry(text) && decodeEntry(text) === null,
    valid: stored && isEntryCurrent(stored, readerGuards, token) ? stored : null,
    guards: Object.freeze(guards),
    tokens: Object.freeze(guards.map(token)),
    dependencies: Object.freeze(Object.fromEntries(standing)),
    dependencyFingerprint: fingerprintDependencies(stored, guards, token),
    holder,
    sentAt,
  }
}

/** What a text from Redis holds. `sealed`: only an encrypted entry counts: any writer can forge another. */
export function decodeStored(text: string | null, sealed: boolean): Entry | null {
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

/** With the coarse token a flight needs no others: every invalidation of tags changes it. */
export function fingerprintDependencies(
  entry: EntryHeader | null,
  guards: readonly string[],
  token: (guard: string) => Token | null,
): string {
  if (guards.includes(COARSE_GUARD)) return ''
  return (entry?.dependencies ?? []).map((guard) => token(guard) ?? '-').join('.')
}

/** Names a flight by the tokens it runs under and the entry it replaces: after an invalidation no reader joins it. */
export function flightName(
  place: string,
  tokens: readonly Token[],
  { current, dependencyFingerprint }: Pick<Lookup, 'current' | 'dependencyFingerprint'>,
): string {
  return `${place} ${tokens.join('.')}.${current?.revision ?? '-'}${dependencyFingerprint && `.${dependencyFingerprint}`}`
}

export function allPresent(tokens: readonly (Token | null)[]): tokens is readonly Token[] {
  return tokens.every((token) => token !== null)
}

/** What one lookup finds of a field in Redis, at one moment. Pure: no clock, no requests. */

import type { Instant } from '../../../shared/clock'
import { shortHash } from '../../../shared/shortHash'
import { decodeEntry, type Entry, type EntryHeader, isForeignEntry } from '../entry/entry'
import { isEntryCurrent } from '../entry/freshness'
import { COARSE_GUARD, isTagGuard, type Token, type TokenMap } from '../entry/versionTokens'

export interface Lookup {
  /** Null if there is no entry that this reader can decode. */
  stored: Entry | null
  /** Identifies the text found, even if it cannot be decoded. */
  current: Pick<Entry, 'revision'> | null
  /** True if only another release can read the text found. */
  foreign: boolean
  /** `stored` if its tokens hold, else null. */
  valid: Entry | null
  /** Guards of the entry that will replace this one: the reader's, and tags under which others stored it. */
  guards: readonly string[]
  /** In the order of `guards`; null for a token that was never created or was evicted. */
  tokens: readonly (Token | null)[]
  dependencies: TokenMap
  dependencyFingerprint: string
  /** Holder of the lease whose key was read; null if it is free. */
  holder: string | null
  /** When the request was sent. What its answer confirms holds from then. */
  sentAt: Instant
}

export interface LookupReply {
  text: string | null
  token(guard: string): Token | null
  holder?: string | null
  sentAt: Instant
}

interface LookupRequest {
  /** The text, as far as this reader can decode it. */
  stored: Entry | null
  /** Guards of the reader's configuration, its own first. */
  readerGuards: readonly string[]
  /** Other guards whose tokens were read. */
  dependencies: readonly string[]
}

export function buildLookup(
  { text, token, holder = null, sentAt }: LookupReply,
  { stored, readerGuards, dependencies }: LookupRequest,
): Lookup {
  const guards = uniteGuards(readerGuards, stored)
  const presentDependencies = dependencies.flatMap((guard) => {
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
    dependencies: Object.freeze(Object.fromEntries(presentDependencies)),
    dependencyFingerprint: fingerprintDependencies(stored, guards, token),
    holder,
    sentAt,
  }
}

/** `sealed`: only an encrypted entry counts, because any writer could forge a plain one. */
export function decodeStored(text: string | null, sealed: boolean): Entry | null {
  const entry = text === null ? null : decodeEntry(text)
  return sealed && !entry?.packing?.sealed ? null : entry
}

/** Counts tags from `dependsOn`, too. */
export const MOST_TAGS = 1_000

/**
 * Returns the guards of the next entry. It keeps tags under which others stored the last one: readers that name
 * different tags would otherwise strip each other's, and fetch for ever. Tags from `dependsOn` are not kept.
 */
export function uniteGuards(readerGuards: readonly string[], replaced: EntryHeader | null): string[] {
  const named = new Set(readerGuards)
  const fromValue = new Set(replaced?.dependencies)
  const others = Object.keys(replaced?.tokens ?? {})
    .filter((guard) => isTagGuard(guard) && !named.has(guard) && !fromValue.has(guard))
    .sort()
    .slice(0, Math.max(0, MOST_TAGS - readerGuards.filter(isTagGuard).length))
  if (others.length === 0) return [...readerGuards]
  const [own = '', ...rest] = readerGuards
  const tags = [...rest.filter(isTagGuard), ...others].sort()
  return [own, ...tags, ...rest.filter((guard) => !isTagGuard(guard))]
}

/** Empty if the coarse token is among the guards: every invalidation of tags changes it. */
export function fingerprintDependencies(
  entry: EntryHeader | null,
  guards: readonly string[],
  token: (guard: string) => Token | null,
): string {
  if (guards.includes(COARSE_GUARD)) return ''
  return (entry?.dependencies ?? []).map((guard) => token(guard) ?? '-').join('.')
}

/** Names a flight by its tokens and the entry it replaces: after an invalidation no reader joins it. */
export function flightName(
  slotName: string,
  tokens: readonly Token[],
  { current, dependencyFingerprint }: Pick<Lookup, 'current' | 'dependencyFingerprint'>,
): string {
  return `${slotName} ${tokens.join('.')}.${current?.revision ?? '-'}${dependencyFingerprint && `.${dependencyFingerprint}`}`
}

export function allPresent(tokens: readonly (Token | null)[]): tokens is readonly Token[] {
  return tokens.every((token) => token !== null)
}

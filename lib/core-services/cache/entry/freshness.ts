/** Pure: no clock, no requests. */

import type { Freshness } from '../../../shared/events'
import type { EntryHeader } from './entry'
import { areTokensCurrent, COARSE_GUARD, type Token } from './versionTokens'

/** Whether all tokens of an entry are current, and it has one of each guard of the reader. */
export function isEntryCurrent(
  entry: EntryHeader,
  readerGuards: readonly string[],
  token: (guard: string) => Token | null,
): boolean {
  return storesGuards(entry, readerGuards) && areTokensCurrent(Object.keys(entry.tokens), entry.tokens, token)
}

/**
 * Whether an entry stores a token of each guard of the reader. Without one, an invalidation of that guard would not
 * reach it.
 */
export function storesGuards(
  { tokens, dependencies }: EntryHeader,
  readerGuards: readonly string[],
): boolean {
  if (dependencies === undefined && readerGuards.includes(COARSE_GUARD)) return false
  const known = [...readerGuards.filter((guard) => guard !== COARSE_GUARD), ...(dependencies ?? [])]
  return known.every((guard) => Object.hasOwn(tokens, guard))
}

export interface Windows {
  ttl: number | 'forever'
  staleWhileRevalidate?: number | undefined
  staleIfError?: number | undefined
}

/** How far the clocks of instances may differ, in s. */
const CLOCK_SKEW_SECONDS = 600

export function getFreshness(
  { fetchedAt, freshMs = Number.POSITIVE_INFINITY, endMs = Number.POSITIVE_INFINITY }: EntryHeader,
  windows: Windows,
  now: number,
): Freshness {
  const age = (now - fetchedAt) / 1000
  // Such a clock is broken, so the age means nothing.
  if (!(age > -CLOCK_SKEW_SECONDS) || age >= endMs / 1000) return 'expired'
  const ttl = windows.ttl === 'forever' ? Number.POSITIVE_INFINITY : windows.ttl
  const stale = windows.staleWhileRevalidate ?? 0
  if (age < Math.min(ttl, freshMs / 1000)) return 'fresh'
  if (age < ttl + stale) return 'stale'
  return age < ttl + stale + (windows.staleIfError ?? 0) ? 'degraded' : 'expired'
}

/** In s from the start of the fetch. */
export function getLifetime(
  { ttl, staleWhileRevalidate = 0, staleIfError = 0 }: Windows,
  { endMs }: Pick<EntryHeader, 'endMs'> = {},
): number | 'forever' {
  const end = endMs === undefined ? Number.POSITIVE_INFINITY : Math.ceil(endMs / 1000)
  if (ttl === 'forever') return endMs === undefined ? ttl : end
  return Math.min(ttl + staleWhileRevalidate + staleIfError, end)
}

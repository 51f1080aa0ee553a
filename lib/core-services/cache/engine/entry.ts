/**
 * The envelope of a field's value. It keeps absence apart from a stored `null`, and says when the fetch of the value
 * began: age and ttl count from there, because the value can be that old.
 */
import { encodeValue } from './json'

const ENTRY_VERSION = 1

export interface Entry {
  /** Wall clock, ms: the start of the fetch. */
  fetchedAt: number
  value: unknown
}

export function encodeEntry({ fetchedAt, value }: Entry): string {
  return `{"v":${ENTRY_VERSION},"at":${Math.round(fetchedAt)},"d":${encodeValue(value)}}`
}

/** Null for anything that is not an entry of this version: to the reader that is a miss. */
export function decodeEntry(text: string): Entry | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) return null
  const { v, at, d } = parsed as { v?: unknown; at?: unknown; d?: unknown }
  if (v !== ENTRY_VERSION || typeof at !== 'number' || d === undefined) return null
  return { fetchedAt: at, value: d }
}

/** Whole seconds since the fetch began; clocks that disagree never make it negative. */
export function ageSeconds(fetchedAt: number, now: number): number {
  return Math.max(0, Math.floor((now - fetchedAt) / 1000))
}

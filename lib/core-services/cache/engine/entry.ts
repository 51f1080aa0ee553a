/**
 * The envelope of a field's value: what it is, when its fetch began, and the freshness tokens that stood before that
 * fetch. One header line of JSON, then the value, so that a reader can judge an entry without parsing the value.
 */
import { encodeValue } from './json'
import type { Token, TokenMap } from './tokens'

/** Readers refuse every other format: an older or newer release then sees a miss, never a misread value. */
const FORMAT = 'fc2 '

export interface EntryHeader {
  /** Wall clock, ms: the start of the fetch. Age and ttl count from there, because the value can be that old. */
  fetchedAt: number
  /** Tells this entry from any other one of its key. */
  revision: Token
  /** The tokens captured before the fetch, by the name of what they guard. */
  tokens: TokenMap
}

export interface Entry extends EntryHeader {
  /** The value as JSON: each reader parses one of its own. */
  body: string
}

export function encodeEntry({ body, fetchedAt, revision, tokens }: Entry): string {
  return `${FORMAT}${JSON.stringify({ at: Math.round(fetchedAt), rev: revision, tok: tokens })}\n${body}`
}

/** The JSON of a value; throws VALUE_NOT_SERIALIZABLE. */
export const encodeBody: (value: unknown) => string = encodeValue

/** Null for anything that is not an entry of this format: to the reader that is a miss. */
export function decodeEntry(text: string): Entry | null {
  const end = text.indexOf('\n')
  if (!text.startsWith(FORMAT) || end < 0) return null
  try {
    const { at, rev, tok } = JSON.parse(text.slice(FORMAT.length, end)) as Record<string, unknown>
    if (typeof at !== 'number' || typeof rev !== 'string' || typeof tok !== 'object' || tok === null)
      return null
    return { fetchedAt: at, revision: rev, tokens: tok as TokenMap, body: text.slice(end + 1) }
  } catch {
    return null
  }
}

/** Whole seconds since the fetch began; clocks that disagree never make it negative. */
export function ageSeconds(fetchedAt: number, now: number): number {
  return Math.max(0, Math.floor((now - fetchedAt) / 1000))
}

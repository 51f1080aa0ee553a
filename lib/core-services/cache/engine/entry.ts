/**
 * The envelope of a field's value: what it is, when its fetch began, and the freshness tokens that stood before that
 * fetch. One header line of JSON, then the value, so that a reader can judge an entry without unpacking the value.
 */
import { pack, unpack } from './compression'
import { encodeValue } from './json'
import type { Token, TokenMap } from './tokens'

/** Readers refuse every other format: an older or newer release then sees a miss, never a misread value. */
const FORMAT = 'fc2 '
const ANY_FORMAT = /^fc\d+ /
const BROTLI = 'br'

export interface EntryHeader {
  /** Wall clock, ms: the start of the fetch. Age and ttl count from there, because the value can be that old. */
  fetchedAt: number
  /** Tells this entry from any other one of its key. */
  revision: Token
  /** The tokens captured before the fetch, by the name of what they guard. */
  tokens: TokenMap
  /** The guards among them that only the value tells; absent where the field had no `dependsOn`. */
  dependencies?: readonly string[] | undefined
  /** Where the value itself limits its life: ms from `fetchedAt` in which it is fresh, and in which it may be served. */
  freshMs?: number | undefined
  endMs?: number | undefined
  /** What its fetcher wants to be told by the next fetch. */
  note?: string | undefined
}

export interface Entry extends EntryHeader {
  /** The value as JSON: each reader parses one of its own. */
  body: string
  /** True while the body is still compressed; see `unpackEntry`. */
  packed?: boolean
}

export async function encodeEntry(entry: Entry, compression: boolean): Promise<string> {
  const packed = compression ? await pack(entry.body) : null
  const header = {
    at: Math.round(entry.fetchedAt),
    rev: entry.revision,
    tok: entry.tokens,
    dep: entry.dependencies,
    fresh: entry.freshMs,
    end: entry.endMs,
    note: entry.note,
    enc: packed === null ? undefined : BROTLI,
  }
  return `${FORMAT}${JSON.stringify(header)}\n${packed ?? entry.body}`
}

/** The JSON of a value; throws VALUE_NOT_SERIALIZABLE. */
export const encodeBody: (value: unknown) => string = encodeValue

/** Null for anything that is not an entry of this format: to the reader that is a miss. */
export function decodeEntry(text: string): Entry | null {
  const end = text.indexOf('\n')
  if (!text.startsWith(FORMAT) || end < 0) return null
  try {
    const header = JSON.parse(text.slice(FORMAT.length, end)) as Record<string, unknown>
    return isHeader(header) ? entryOf(header, text.slice(end + 1)) : null
  } catch {
    return null
  }
}

/** Whether a text that `decodeEntry` refuses is an entry all the same, as another release of the app writes them. */
export const isForeignEntry = (text: string): boolean => ANY_FORMAT.test(text)

/** Null when the body is not what its encoding says. */
export async function unpackEntry(entry: Entry): Promise<Entry | null> {
  if (!entry.packed) return entry
  try {
    const { packed, body, ...header } = entry
    return { ...header, body: await unpack(body) }
  } catch {
    return null
  }
}

interface Header {
  at: number
  rev: string
  tok: TokenMap
  dep?: string[]
  fresh?: number
  end?: number
  note?: string
  enc?: string
}

function isHeader(header: Record<string, unknown>): header is Header & Record<string, unknown> {
  const { at, rev, tok, dep, fresh, end, note, enc } = header
  return (
    typeof at === 'number' &&
    typeof rev === 'string' &&
    typeof tok === 'object' &&
    tok !== null &&
    (dep === undefined || (Array.isArray(dep) && dep.every((guard) => typeof guard === 'string'))) &&
    (fresh === undefined || typeof fresh === 'number') &&
    (end === undefined || typeof end === 'number') &&
    (note === undefined || typeof note === 'string') &&
    (enc === undefined || enc === BROTLI)
  )
}

function entryOf({ at, rev, tok, dep, fresh, end, note, enc }: Header, body: string): Entry {
  const packed = enc === undefined ? {} : { packed: true }
  return {
    fetchedAt: at,
    revision: rev,
    tokens: tok,
    dependencies: dep,
    freshMs: fresh,
    endMs: end,
    note,
    body,
    ...packed,
  }
}

/** Whole seconds since the fetch began; clocks that disagree never make it negative. */
export function ageSeconds(fetchedAt: number, now: number): number {
  return Math.max(0, Math.floor((now - fetchedAt) / 1000))
}

/**
 * A stored value: one header line of JSON with the start of its fetch and the tokens captured before it, then the
 * value. Readers judge an entry without unpacking the value.
 */

import { keyProblem } from '../redis/commands/keySpace'
import { encodeValue } from '../redis/json'
import { fromBase64, toBase64 } from './base64'
import { pack, unpack } from './compression'
import type { Cipher, Seal } from './encryption'
import type { Token, TokenMap } from './versionTokens'

/** Readers refuse every other format, so an older or newer release sees a miss, never a misread value. */
const FORMAT = 'fc2 '
const ANY_FORMAT = /^fc\d+ /
/** Steps from JSON to body, in this order. */
const ENCODINGS = ['br', 'gcm', 'br+gcm'] as const
type Encoding = (typeof ENCODINGS)[number]

export interface EntryHeader {
  /** Start of the fetch; wall clock, ms. Age and ttl count from there, because the value can be that old. */
  fetchedAt: number
  revision: Token
  /** Captured before the fetch, by guard. */
  tokens: TokenMap
  /** Guards that only the value names. Undefined when the field had no `dependsOn`. */
  dependencies?: readonly string[] | undefined
  /** In ms from `fetchedAt`: until the value is stale, and until it may not be served. */
  freshMs?: number | undefined
  endMs?: number | undefined
  /** What the fetcher wants to be passed at the next fetch. */
  note?: string | undefined
  forced?: Forced | undefined
}

export interface Forced {
  /** The own token that it replaced. */
  upon: Token
  /** The options of the force, see `shareMark`; '' when no other force may share its result. */
  by: string
}

export interface Entry extends EntryHeader {
  /** The value as JSON. Each reader parses its own copy. */
  body: string
  /** Set while the body is still as stored; see `unpackEntry`. */
  packing?: Packing
}

interface Packing {
  encoding: Encoding
  /** `header`: bound to the ciphertext. */
  sealed?: Seal & { header: string }
}

export async function encodeEntry(entry: Entry, compression: boolean, cipher?: Cipher): Promise<string> {
  const text = cipher ? `${JSON.stringify(entry.note ?? null)}\n${entry.body}` : entry.body
  const packed = compression ? await pack(text) : null
  const seal = await cipher?.newSeal()
  const header = JSON.stringify({
    at: Math.round(entry.fetchedAt),
    rev: entry.revision,
    tok: entry.tokens,
    dep: entry.dependencies,
    fresh: entry.freshMs,
    end: entry.endMs,
    note: cipher ? undefined : entry.note,
    frc: entry.forced && [entry.forced.upon, entry.forced.by],
    enc: chooseEncoding(packed !== null, seal !== undefined),
    kid: seal?.keyId,
    iv: seal?.nonce,
  })
  if (!cipher || !seal) return `${FORMAT}${header}\n${packed ? toBase64(packed) : text}`
  const plain = new Uint8Array(packed ?? new TextEncoder().encode(text))
  return `${FORMAT}${header}\n${await cipher.encrypt(plain, seal, header)}`
}

function chooseEncoding(packed: boolean, sealed: boolean): Encoding | undefined {
  if (sealed) return packed ? 'br+gcm' : 'gcm'
  return packed ? 'br' : undefined
}

/** Throws VALUE_NOT_SERIALIZABLE. */
export const encodeBody: (value: unknown) => string = encodeValue

/** Null for a text that is not an entry of this format: a miss. */
export function decodeEntry(text: string): Entry | null {
  const end = text.indexOf('\n')
  if (!text.startsWith(FORMAT) || end < 0) return null
  const line = text.slice(FORMAT.length, end)
  try {
    const header = JSON.parse(line) as Record<string, unknown>
    return isHeader(header) ? toEntry(header, line, text.slice(end + 1)) : null
  } catch {
    return null
  }
}

/** True also for entries of other releases, which `decodeEntry` refuses. */
export const isForeignEntry = (text: string): boolean => ANY_FORMAT.test(text)

/** Null when the body was cut off, changed, moved from another key, or encrypted with an unknown key. */
export async function unpackEntry(entry: Entry, cipher?: Cipher): Promise<Entry | null> {
  if (!entry.packing) return entry
  const { packing, body, ...header } = entry
  try {
    const text = await unpackText(body, packing, cipher)
    if (!packing.sealed) return { ...header, body: text }
    const end = text.indexOf('\n')
    const note = JSON.parse(text.slice(0, end)) as string | null
    return { ...header, note: note ?? undefined, body: text.slice(end + 1) }
  } catch {
    return null
  }
}

async function unpackText(
  body: string,
  { encoding, sealed }: Packing,
  cipher: Cipher | undefined,
): Promise<string> {
  const bytes = sealed ? await cipher?.decrypt(body, sealed, sealed.header) : fromBase64(body)
  if (!bytes) throw new Error('it cannot be read')
  return encoding === 'gcm' ? new TextDecoder().decode(bytes) : unpack(bytes)
}

interface Header {
  at: number
  rev: string
  tok: TokenMap
  dep?: string[]
  fresh?: number
  end?: number
  note?: string
  frc?: [upon: Token, by: string]
  enc?: Encoding
  kid?: string
  iv?: string
}

function isHeader(header: Record<string, unknown>): header is Header & Record<string, unknown> {
  const { at, rev, tok, dep, fresh, end, note, frc, enc, kid, iv } = header
  return (
    typeof at === 'number' &&
    typeof rev === 'string' &&
    isTokenMap(tok) &&
    (dep === undefined || (Array.isArray(dep) && dep.every((guard) => typeof guard === 'string'))) &&
    (fresh === undefined || typeof fresh === 'number') &&
    (end === undefined || typeof end === 'number') &&
    (note === undefined || typeof note === 'string') &&
    (frc === undefined ||
      (Array.isArray(frc) && frc.length === 2 && frc.every((part) => typeof part === 'string'))) &&
    (enc === undefined || ENCODINGS.some((known) => known === enc)) &&
    (!isSealed(enc) || (typeof kid === 'string' && typeof iv === 'string'))
  )
}

/** One guard that is not a valid key would fail every read. */
function isTokenMap(tokens: unknown): tokens is TokenMap {
  if (typeof tokens !== 'object' || tokens === null) return false
  return Object.entries(tokens).every(
    ([guard, token]) => typeof token === 'string' && keyProblem(guard) === undefined,
  )
}

const isSealed = (enc: unknown): boolean => enc === 'gcm' || enc === 'br+gcm'

function toEntry(parts: Header, header: string, body: string): Entry {
  const { at, rev, tok, dep, fresh, end, note, frc, enc, kid = '', iv = '' } = parts
  const sealed = isSealed(enc) && { keyId: kid, nonce: iv, header }
  return {
    fetchedAt: at,
    revision: rev,
    tokens: tok,
    dependencies: dep,
    freshMs: fresh,
    endMs: end,
    note,
    ...(frc && { forced: { upon: frc[0], by: frc[1] } }),
    body,
    ...(enc !== undefined && { packing: { encoding: enc, ...(sealed && { sealed }) } }),
  }
}

/** Never negative, though clocks differ. */
export function ageSeconds(fetchedAt: number, now: number): number {
  return Math.max(0, Math.floor((now - fetchedAt) / 1000))
}

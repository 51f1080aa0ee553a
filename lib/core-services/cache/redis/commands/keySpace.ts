/**
 * Logical keys (`agents_list`, `orders:account:001`) and their physical names in Redis. Entries live under
 * `prefix:version:key`; what the engine keeps for itself lives under `prefix:version~kind:key`, where no pattern over
 * logical keys can reach it.
 */
import { keyInvalid } from '../../errors'

export interface KeySpaceOptions {
  /** Separates deployments that must not share keys, such as preview and production. */
  prefix: string
  /** Raise it to leave all stored entries behind. */
  version: string
  /** One of KEY_SEPARATORS; `:` by default. */
  separator?: string
  /** Longest physical key, in characters. */
  maxLength: number
}

export interface KeySpace {
  physical(logical: string): string
  internal(kind: string, logical: string): string
  /** A glob over logical keys as a glob over physical ones. */
  pattern(glob: string): string
  /** A glob for internal names of a kind; for all of them by default. */
  internalPattern(kind: string, glob?: string): string
  logical(physical: string): string
  /** What `internal` was given. */
  internalLogical(kind: string, physical: string): string
}

const CONTROL_CHARACTER = /\p{Cc}/u
/** A lone surrogate: UTF-8 has no bytes for it, so to Redis names that differ in one are the same. */
const HALF_A_CHARACTER = /\p{Surrogate}/u
/** White space, and what no font shows, such as a zero-width space or the blank of Braille. */
const NOTHING_TO_SEE = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]*$/u
const MOST_TAG_CHARACTERS = 250

/** Room for what the engine puts around a key, such as the name of a lease: what can be stored can also be locked. */
const ENGINE_ROOM = 24

export function createKeySpace({ prefix, version, separator = ':', maxLength }: KeySpaceOptions): KeySpace {
  const namespace = `${prefix}${separator}${version}`
  const assertUsable = (key: string): void => {
    const problem = keyProblem(key)
    if (problem !== undefined) throw keyInvalid(key, problem)
  }
  const assertWhole = (glob: string): void => {
    const problem = halfProblem(glob)
    if (problem !== undefined) throw keyInvalid(glob, problem)
  }
  return {
    physical(logical) {
      assertUsable(logical)
      const length = namespace.length + ENGINE_ROOM + logical.length
      if (length <= maxLength) return `${namespace}${separator}${logical}`
      throw keyInvalid(logical, `with its prefix it has ${length} characters, ${maxLength} at most`)
    },
    internal(kind, logical) {
      assertUsable(logical)
      return `${namespace}~${kind}${separator}${logical}`
    },
    pattern(glob) {
      assertWhole(glob)
      return `${escapeGlob(namespace)}${separator}${glob}`
    },
    internalPattern(kind, glob = '*') {
      assertWhole(glob)
      return `${escapeGlob(namespace)}~${kind}${separator}${glob}`
    },
    logical: (physical) => physical.slice(namespace.length + 1),
    internalLogical: (kind, physical) => physical.slice(`${namespace}~${kind}${separator}`.length),
  }
}

/** Why a logical key, or the name of a field, cannot be used at all, whatever the prefix. */
export function keyProblem(key: unknown): string | undefined {
  // At run time an id can be missing.
  if (typeof key !== 'string') return `it is no text but ${typeof key}`
  if (key === '') return 'it is empty'
  if (CONTROL_CHARACTER.test(key)) return 'it contains a control character'
  return halfProblem(key) ?? (NOTHING_TO_SEE.test(key) ? 'nothing of it can be seen' : undefined)
}

/** The same for a tag. */
export function tagProblem(tag: unknown): string | undefined {
  const problem = keyProblem(tag)
  if (problem !== undefined) return problem
  const { length } = tag as string
  return length <= MOST_TAG_CHARACTERS
    ? undefined
    : `it has ${length} characters, ${MOST_TAG_CHARACTERS} at most`
}

/** Why a text cannot be part of a name in Redis, such as a field of a hash. */
export function halfProblem(text: unknown): string | undefined {
  // Redis makes a text of a number.
  if (typeof text === 'number') return undefined
  if (typeof text !== 'string') return `it is no text but ${typeof text}`
  return HALF_A_CHARACTER.test(text) ? 'it holds half of a character' : undefined
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&')
}

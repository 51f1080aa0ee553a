/**
 * Logical keys (`agents_list`, `orders:account:001`) and their physical names in Redis. Entries live under
 * `prefix:version:key`; what the engine keeps for itself lives under `prefix:version~kind:key`, where no pattern over
 * logical keys can reach it.
 */
import { keyInvalid } from './errors'

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
  /** A glob for all internal names of a kind. */
  internalPattern(kind: string): string
  logical(physical: string): string
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/

/** Room for what the engine puts around a key, such as the name of a lease: what can be stored can also be locked. */
const ENGINE_ROOM = 24

export function createKeySpace({ prefix, version, separator = ':', maxLength }: KeySpaceOptions): KeySpace {
  const namespace = `${prefix}${separator}${version}`
  const assertUsable = (key: string): void => {
    const problem = keyProblem(key)
    if (problem !== undefined) throw keyInvalid(key, problem)
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
    pattern: (glob) => `${escapeGlob(namespace)}${separator}${glob}`,
    internalPattern: (kind) => `${escapeGlob(namespace)}~${kind}${separator}*`,
    logical: (physical) => physical.slice(namespace.length + 1),
  }
}

/** Why a logical key cannot be used at all, whatever the prefix. */
export function keyProblem(key: string): string | undefined {
  if (key === '') return 'it is empty'
  return CONTROL_CHARACTER.test(key) ? 'it contains a control character' : undefined
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&')
}

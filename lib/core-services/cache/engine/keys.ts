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
  /** Longest physical key, in characters. */
  maxLength: number
}

export interface KeySpace {
  physical(logical: string): string
  internal(kind: string, logical: string): string
  /** A glob over logical keys as a glob over physical ones. */
  pattern(glob: string): string
  logical(physical: string): string
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/

export function createKeySpace({ prefix, version, maxLength }: KeySpaceOptions): KeySpace {
  const namespace = `${prefix}:${version}`
  const checked = (name: string, key: string): string => {
    if (key === '') throw keyInvalid(key, 'it is empty')
    if (CONTROL_CHARACTER.test(key)) throw keyInvalid(key, 'it contains a control character')
    if (name.length > maxLength)
      throw keyInvalid(key, `with its prefix it has ${name.length} characters, ${maxLength} at most`)
    return name
  }
  return {
    physical: (logical) => checked(`${namespace}:${logical}`, logical),
    internal: (kind, logical) => checked(`${namespace}~${kind}:${logical}`, logical),
    pattern: (glob) => `${escapeGlob(namespace)}:${glob}`,
    logical: (physical) => physical.slice(namespace.length + 1),
  }
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^]/g, '\\$&')
}

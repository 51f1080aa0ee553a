/**
 * How logical keys are put together: parts joined by a separator, `domain:type:identifier[:subkey]`. Characters
 * that mean something in a key or a pattern are percent-encoded in a part: an id can neither reach the keys of another
 * domain nor widen a pattern, and two different lists of parts never make the same key.
 */
import { keyInvalid } from '../../errors'
import { halfProblem } from './keySpace'

/** Characters that may separate: none of them is in a prefix, a version, a glob or the mark of the engine's own names. */
export const KEY_SEPARATORS = ':/|#;,@'

/** Stands for anything in a pattern. By `Symbol.for`, because Next evaluates a module several times. */
export const ANY: unique symbol = Symbol.for('field-cache.any-key')

export type PatternPart = string | typeof ANY

export interface KeyStrategy {
  build(parts: readonly string[]): string
  parse(key: string): string[]
  pattern(parts: readonly PatternPart[]): string
}

/** `assertFits` throws for a key that is too long to be stored. */
export function createKeyStrategy(separator: string, assertFits: (key: string) => void): KeyStrategy {
  // What is not visible ASCII, what is a glob to Redis, the sign of the encoding, and the separator.
  const unsafe = new RegExp(`[^!-~]|[*?[\\]\\\\^%${separator}]`, 'gu')

  function encode(part: unknown, index: number): string {
    const position = `part ${index + 1}`
    // An id that is missing at run time must not become one key for all callers without an id.
    if (typeof part !== 'string') throw keyInvalid('', `${position} is no string but ${typeof part}`)
    if (part === '') throw keyInvalid('', `${position} is empty`)
    if (halfProblem(part) !== undefined) throw keyInvalid(part, `${position} holds half of a character`)
    return part.replace(unsafe, percentEncoded)
  }

  function build(parts: readonly string[]): string {
    const key = parts.map(encode).join(separator)
    assertFits(key)
    return key
  }

  return {
    build,
    parse(key) {
      const parts = key.split(separator).map((part) => decode(key, part))
      if (parts.map(encode).join(separator) === key) return parts
      throw keyInvalid(key, 'it is written in another way than buildKey writes it')
    },
    pattern(parts) {
      if (parts.length === 0) throw keyInvalid('', 'a pattern has one part at least')
      return parts.map((part, index) => (part === ANY ? '*' : encode(part, index))).join(separator)
    },
  }
}

function percentEncoded(character: string): string {
  const bytes = new TextEncoder().encode(character)
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

function decode(key: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw keyInvalid(key, 'a percent sign in it begins no encoded character')
  }
}

import { ANY, createKeyStrategy, type KeyStrategy, type PatternPart } from './redis/commands/keyBuilder'
import { createKeySpace } from './redis/commands/keySpace'
import { keyConfig } from './settings/cacheConfig'

export { ANY }

/**
 * A logical key, `domain:type:identifier[:subkey]`: `buildKey('orders', 'account', id)`. Percent-encodes unsafe
 * characters, so any text can be an id. Throws KEY_INVALID for no parts, an empty part, a part that is no string or
 * ends within a character, and for a key that is too long to be stored.
 */
export function buildKey(...parts: string[]): string {
  return strategy().build(parts)
}

/** The parts of a key that `buildKey` made. Throws KEY_INVALID for every other key. */
export function parseKey(key: string): string[] {
  return strategy().parse(key)
}

/**
 * A glob for `keysByPattern` and similar methods: `keyPattern('orders', ANY)` is `orders:*`. ANY matches one part or
 * more. Throws KEY_INVALID as `buildKey` does.
 */
export function keyPattern(...parts: PatternPart[]): string {
  return strategy().pattern(parts)
}

let bound: KeyStrategy | undefined

/** Reads the configuration at the first use, not at import. Needs no credentials: a build makes keys too. */
function strategy(): KeyStrategy {
  bound ??= bind()
  return bound
}

function bind(): KeyStrategy {
  const {
    keyPrefix: prefix,
    keyVersion: version,
    keySeparator: separator,
    maxKeyLength: maxLength,
  } = keyConfig()
  return createKeyStrategy(separator, createKeySpace({ prefix, version, separator, maxLength }).physical)
}

/** Keys of families and of the app's own data, built and taken apart. Bound to CACHE_KEY_SEPARATOR. */

import { ANY, createKeyStrategy, type KeyStrategy, type PatternPart } from './redis/commands/keyBuilder'
import { createKeySpace } from './redis/commands/keySpace'
import { keyConfig } from './settings/cacheConfig'

export { ANY }

/**
 * The logical key of some parts, `domain:type:identifier[:subkey]`: `buildKey('orders', 'account', id)`. Whatever is
 * unsafe in a part is percent-encoded, so any text can be an id. Throws KEY_INVALID for no parts, an empty part, a part
 * that is no string or holds half of a character, and for a key that is too long to be stored.
 */
export function buildKey(...parts: string[]): string {
  return strategy().build(parts)
}

/** The parts that `buildKey` made the key of. Throws KEY_INVALID for a key that it would have written in another way. */
export function parseKey(key: string): string[] {
  return strategy().parse(key)
}

/**
 * A glob for `keysByPattern` and its like: `keyPattern('orders', ANY)` is `orders:*`. ANY stands for one part or for
 * more. Throws KEY_INVALID as `buildKey` does.
 */
export function keyPattern(...parts: PatternPart[]): string {
  return strategy().pattern(parts)
}

let bound: KeyStrategy | undefined

/** Bound at the first use, not at import. Needs no credentials: a build makes keys, too. */
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

import fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { ANY, buildKey, keyPattern, parseKey } from '@/lib/core-services/cache/keys'
import { createKeyStrategy, KEY_SEPARATORS } from '@/lib/core-services/cache/redis/commands/keyBuilder'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { cacheFor } from '../../kit/fields/cache'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const invalid = (message: string) =>
  expect.objectContaining({ code: 'KEY_INVALID', message: expect.stringContaining(message) })

/** The worst ids: separators, characters of globs and of the encoding, and all of Unicode. */
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...':/|#;,@%*?[]\\^-~{}2A3aé\u0000\n ') }),
  fc.string({ unit: 'binary' }),
)
const part = text.filter((drawn) => drawn !== '')
const someParts = fc.array(part, { minLength: 1, maxLength: 5 })
const separators = fc.constantFrom(...KEY_SEPARATORS)

describe('a key', () => {
  it.each([
    ['orders:account:001xx000003EgI1AAK', ['orders', 'account', '001xx000003EgI1AAK']],
    ['orders:detail:80122000000D4UGAA0', ['orders', 'detail', '80122000000D4UGAA0']],
    ['services:internet:acc_001:jp', ['services', 'internet', 'acc_001', 'jp']],
    ['services:deps:product:01t22000003xABCAA2', ['services', 'deps', 'product', '01t22000003xABCAA2']],
    ['mapping:userId:user_12345', ['mapping', 'userId', 'user_12345']],
    ['agents_list', ['agents_list']],
    ['mail:ana@example.com', ['mail', 'ana@example.com']],
    ['a:b%3Ac', ['a', 'b:c']],
    ['a:100%25', ['a', '100%']],
    ['a:%2A%3F%5B%5D%5C%5E', ['a', '*?[]\\^']],
    ['a:%20%0A%00%7F', ['a', ' \n\u0000\u007f']],
    ['a:%C3%A9%F0%9F%8D%8B', ['a', 'é🍋']],
  ])('the key %s is built of its parts and parsed into them', (key, parts) => {
    expect(buildKey(...parts)).toBe(key)
    expect(parseKey(key)).toEqual(parts)
  })

  it.each([
    ['it is empty', []],
    ['part 2 is empty', ['orders', '']],
    ['part 2 holds half of a character', ['orders', 'a\ud83c']],
    ['part 1 holds half of a character', ['\udf4b']],
    ['250 at most', ['x'.repeat(250)]],
  ])('a key is refused: %s', (message, parts) => {
    expect(() => buildKey(...parts)).toThrow(invalid(message))
  })

  it('a key with an id that is undefined at run time is refused, not shared by all callers without an id', () => {
    const { id } = {} as { id: string }
    expect(() => buildKey('orders', id)).toThrow(invalid('part 2 is no string but undefined'))
  })

  it.each(['a::b', '', 'a:', 'a:%', 'a:%zz', 'a:%C3', 'a:%c3%a9', 'a:%41', 'a:b c', 'a:*', 'a:é'])(
    '%j is not parsed, since buildKey never makes such a key',
    (key) => {
      expect(() => parseKey(key)).toThrow(invalid(''))
    },
  )

  it('every key parses into its parts, has no control characters and fits (I13)', () => {
    let built = 0
    fc.assert(
      fc.property(separators, someParts, (separator, parts) => {
        const keys = createKeySpace({ prefix: 'test', version: 'v1', separator, maxLength: 250 })
        const { build, parse } = createKeyStrategy(separator, keys.physical)
        let key: string
        try {
          key = build(parts)
        } catch (error) {
          expect(error).toEqual(invalid('250 at most'))
          return
        }
        built += 1
        expect(parse(key)).toEqual(parts)
        expect(key).toMatch(/^[!-~]+$/)
        expect(key.split(separator)).toHaveLength(parts.length)
        expect(keys.physical(key).length).toBeLessThanOrEqual(250)
      }),
      { numRuns: 5_000 },
    )
    expect(built).toBeGreaterThan(3_000)
  })

  it('two keys of different parts differ', () => {
    const few = fc.array(fc.string({ unit: fc.constantFrom(...':%3Aa'), minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 3,
    })
    fc.assert(
      fc.property(few, few, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other))
        expect(buildKey(...one)).not.toBe(buildKey(...other))
      }),
      { numRuns: 5_000 },
    )
  })

  it('a key with halves of characters is refused or parses into its parts', () => {
    const halves = fc.string({
      unit: fc.integer({ min: 0xd7f0, max: 0xe00f }).map((code) => String.fromCharCode(code)),
    })
    fc.assert(
      fc.property(halves, (id) => {
        let key: string
        try {
          key = buildKey('a', id)
        } catch (error) {
          expect(error).toEqual(invalid(''))
          return
        }
        expect(parseKey(key)).toEqual(['a', id])
      }),
    )
  })
})

describe('a pattern', () => {
  let cache: CacheService
  beforeAll(async () => {
    cache = cacheFor(redis).cache
    await cache.initialize()
  })
  beforeEach(() => redis.flush())

  it('ANY in a pattern matches one part or more, and nothing else', () => {
    expect(keyPattern('orders', ANY)).toBe('orders:*')
    expect(keyPattern('orders', ANY, 'lines')).toBe('orders:*:lines')
    expect(keyPattern('orders', '*')).toBe('orders:%2A')
    expect(() => keyPattern()).toThrow(invalid('one part at least'))
    expect(() => keyPattern('orders', '')).toThrow(invalid('part 2 is empty'))
  })

  it('a pattern finds its keys for any ids', async () => {
    const ids = ['*', '?', '[a-z]', 'x:y', '\\', '^', '%', 'é', 'plain', '../users', 'x~lock:y']
    const orders = ids.map((id) => buildKey('orders', id))
    const others = ids.map((id) => buildKey('orders2', id))
    await cache.mset(Object.fromEntries([...orders, ...others].map((key) => [key, 1])))
    const found = await cache.keysByPattern(keyPattern('orders', ANY))
    expect(found).toEqual([...orders].sort())
    expect(
      found
        .map(parseKey)
        .map(([, id]) => id)
        .sort(),
    ).toEqual([...ids].sort())
  })

  it('deleting by a pattern made of an id deletes that id alone', async () => {
    await cache.mset({
      [buildKey('orders', '*')]: 1,
      [buildKey('orders', '1')]: 1,
      [buildKey('users', '1')]: 1,
    })
    expect(await cache.deleteByPattern(keyPattern('orders', '*'))).toBe(1)
    expect(await cache.keysByPattern('*')).toEqual(['orders:1', 'users:1'])
  })

  it('a pattern matches only its own keys in a Redis full of hostile ids', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(part, { minLength: 2, maxLength: 8 }), async (ids) => {
        await redis.flush()
        const keys = ids.flatMap((id) => {
          try {
            return [buildKey(id, 'own'), buildKey('zzz', id)]
          } catch {
            return []
          }
        })
        fc.pre(keys.length > 0)
        await cache.mset(Object.fromEntries(keys.map((key) => [key, 1])))
        const [domain = ''] = parseKey(keys[0] ?? '')
        const expected = [...new Set(keys)].filter((key) => parseKey(key)[0] === domain)
        expect(await cache.keysByPattern(keyPattern(domain, ANY))).toEqual(expected.sort())
      }),
      { numRuns: 50 },
    )
  })
})

describe('the separator', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.resetModules()
  })

  it('the separator is CACHE_KEY_SEPARATOR, read at the first key and without credentials', async () => {
    vi.resetModules()
    const fresh = await import('@/lib/core-services/cache/keys')
    vi.stubEnv('CACHE_KEY_SEPARATOR', '|')
    expect(fresh.buildKey('orders', 'a|b', 'c:d')).toBe('orders|a%7Cb|c:d')
    expect(fresh.keyPattern('orders', fresh.ANY)).toBe('orders|*')
  })

  it('the keys in Redis, of fields and of locks have the same separator', async () => {
    const { cache } = cacheFor(redis, { keySeparator: '/' })
    await cache.initialize()
    await cache.set('orders/1', 1)
    const lock = await cache.lock.acquire('a')
    expect(await cache.redis.exists('test/v1/orders/1', 'test/v1~lock/a')).toBe(2)
    expect(await cache.keysByPattern('orders/*')).toEqual(['orders/1'])
    expect(await cache.lock.countActive()).toBe(1)
    await cache.lock.release(lock)
  })
})

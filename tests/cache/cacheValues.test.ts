import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { onEachCache } from '../kit/fields/eachCache'

onEachCache(({ start, counted, passInRedis }) => {
  let cache: CacheService

  beforeEach(async () => {
    cache = (await start()).cache
  })

  describe('strings', () => {
    it.each([
      0,
      false,
      '',
      null,
      '12',
      'null',
      '"quoted"',
      '101600000000150081467',
      -0.5,
      'ñandú 🦤 \u2028',
      '\ud800',
      { a: [1, { b: null }] },
      [],
    ])('gives %j back exactly as it went in', async (value) => {
      expect(await cache.set('value', value)).toBe('OK')
      expect(await cache.get('value')).toStrictEqual(value)
    })

    it('gives any JSON value back exactly as it went in', async () => {
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (value) => {
          const plain: unknown = JSON.parse(JSON.stringify(value))
          await cache.set('value', plain)
          expect(await cache.get('value')).toStrictEqual(plain)
        }),
        { numRuns: 60 },
      )
    })

    it('gives a megabyte back', async () => {
      const value = { text: 'ñ'.repeat(500_000), more: 'x'.repeat(100_000) }
      await cache.set('value', value)
      expect(await cache.get('value')).toStrictEqual(value)
    })

    it('tells a stored null from an absent key, where get() cannot', async () => {
      await cache.set('null', null)
      const stored = await cache.attempt((commands) => commands.lookup('null'))
      const absent = await cache.attempt((commands) => commands.lookup('absent'))
      expect(stored).toEqual({ ok: true, value: { found: true, value: null } })
      expect(absent).toEqual({ ok: true, value: { found: false } })
      expect(await cache.exists('null')).toBe(1)
    })

    it('takes the expiry as seconds or as options', async () => {
      await cache.set('positional', 1, 100)
      await cache.set('seconds', 1, { ex: 200 })
      await cache.set('milliseconds', 1, { px: 300_000 })
      await cache.set('at', 1, { exat: Math.floor(Date.now() / 1000) + 400 })
      await cache.set('at ms', 1, { pxat: Date.now() + 500_000 })
      await cache.set('for ever', 1)
      const ttls = await Promise.all(
        ['positional', 'seconds', 'milliseconds', 'at', 'at ms', 'for ever', 'absent'].map((key) =>
          cache.ttl(key),
        ),
      )
      expect(ttls.slice(0, 5).map((ttl) => Math.round((ttl ?? 0) / 100))).toEqual([1, 2, 3, 4, 5])
      expect(ttls.slice(5)).toEqual([-1, -2])
    })

    it('is gone when its time is over, and not before', async () => {
      await cache.set('soon', 1, { px: 600_000 })
      await cache.set('later', 1, { px: 1_200_000 })
      await passInRedis(300_000)
      expect(await cache.exists('soon', 'later')).toBe(2)
      await passInRedis(300_001)
      expect(await cache.mget('soon', 'later')).toEqual([null, 1])
      expect(await cache.ttl('soon')).toBe(-2)
    })

    it('keeps the expiry on request, and drops it otherwise', async () => {
      await cache.set('a', 1, 100)
      await cache.set('a', 2, { keepTtl: true })
      expect(await cache.ttl('a')).toBeGreaterThan(90)
      await cache.set('a', 3)
      expect(await cache.ttl('a')).toBe(-1)
    })

    it('sets only new keys with nx, only present ones with xx, and answers null otherwise', async () => {
      expect(await cache.set('a', 1, { xx: true })).toBeNull()
      expect(await cache.set('a', 1, { nx: true, ex: 50 })).toBe('OK')
      expect(await cache.set('a', 2, { nx: true })).toBeNull()
      expect(await cache.set('a', 3, { xx: true })).toBe('OK')
      expect(await cache.get('a')).toBe(3)
    })

    it('answers the old value with get', async () => {
      expect(await cache.set('a', 'OK', { get: true })).toBeNull()
      expect(await cache.set('a', { n: 1 }, { get: true })).toBe('OK')
      expect(await cache.set('a', 2, { get: true })).toEqual({ n: 1 })
    })

    it('deletes and counts, under both names', async () => {
      await cache.mset({ a: 1, b: 2, c: 3 })
      expect(await cache.del('a', 'b', 'absent')).toBe(2)
      expect(await cache.delete('c')).toBe(1)
      expect(await cache.exists('a', 'b', 'c')).toBe(0)
    })

    it('counts with incr, and lets keys expire', async () => {
      expect([await cache.incr('n'), await cache.incr('n')]).toEqual([1, 2])
      expect(await cache.get('n')).toBe(2)
      expect([await cache.expire('n', 100), await cache.expire('absent', 100)]).toEqual([1, 0])
      expect(await cache.ttl('n')).toBeGreaterThan(90)
    })

    it('reads and writes many at once, in chunks of the batch size', async () => {
      const { cache: chunked } = await start({ cache: { batchSize: 3 } })
      await chunked.mset({ a: 'A', b: 0, c: null })
      const read = await counted(() => chunked.mget('a', 'x', 'b', 'c', 'a'))
      expect(read).toEqual({ value: ['A', null, 0, null, 'A'], requests: 2 })
      expect(await chunked.mget()).toEqual([])
    })
  })

  describe('hashes, lists and sets', () => {
    it('keeps fields of a hash', async () => {
      expect(await cache.hset('userProfiles', 'user_123', { name: 'Alice', role: 'Agent' })).toBe(1)
      expect(await cache.hset('userProfiles', 'user_124', '007')).toBe(1)
      expect(await cache.hget('userProfiles', 'user_123')).toEqual({ name: 'Alice', role: 'Agent' })
      expect(await cache.hget('userProfiles', 'absent')).toBeNull()
      expect(await cache.hgetall('userProfiles')).toEqual({
        user_123: { name: 'Alice', role: 'Agent' },
        user_124: '007',
      })
      expect(await cache.hdel('userProfiles', 'user_123', 'absent')).toBe(1)
      expect(await cache.hgetall('absent')).toEqual({})
    })

    it('does not let a field name reach the prototype', async () => {
      await cache.hset('odd', '__proto__', { polluted: true })
      const all = await cache.hgetall('odd')
      expect(Object.hasOwn(all ?? {}, '__proto__')).toBe(true)
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    })

    it('pushes to and pops from both ends of a list', async () => {
      expect(await cache.rpush('queue', 'b', { c: 3 })).toBe(2)
      expect(await cache.lpush('queue', '0')).toBe(3)
      expect(await cache.lrange('queue', 0, -1)).toEqual(['0', 'b', { c: 3 }])
      expect([await cache.lpop('queue'), await cache.rpop('queue'), await cache.lpop('queue')]).toEqual([
        '0',
        { c: 3 },
        'b',
      ])
      expect([await cache.lpop('queue'), await cache.lrange('queue', 0, -1)]).toEqual([null, []])
    })

    it('keeps members of a set apart by type', async () => {
      expect(await cache.sadd('tags', 1, '1', 'x', 'x')).toBe(3)
      expect(await cache.sismember('tags', '1')).toBe(1)
      expect(await cache.sismember('tags', 2)).toBe(0)
      expect((await cache.smembers('tags')).map(String).sort()).toEqual(['1', '1', 'x'])
      expect(await cache.srem('tags', 1, 'absent')).toBe(1)
    })
  })
})

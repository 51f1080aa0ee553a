import { beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import { CacheService } from '@/lib/core-services/cache/cacheService'
import type { StrictCommands } from '@/lib/core-services/cache/redis/commands/strictCommands'
import type { RecordedEvents } from '@/lib/testing/events'
import { cacheFor } from '../kit/fields/cache'
import { onEachCache } from '../kit/fields/eachCache'
import type { FieldProcess } from '../kit/fields/fieldProcess'
import { redisForThisFile } from '../kit/redis/redisSuite'

it('has null for an unknown answer only where a failure does not reject', () => {
  expectTypeOf<CacheService['ttl']>().returns.resolves.toEqualTypeOf<number | null>()
  expectTypeOf<StrictCommands['ttl']>().returns.resolves.toEqualTypeOf<number>()
  expectTypeOf<CacheService['incr']>().returns.resolves.toEqualTypeOf<number>()
})

describe('starting', () => {
  const redis = redisForThisFile()

  it('answers nothing before initialize() has succeeded', async () => {
    const fresh = new CacheService()
    await expect(fresh.get('a')).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALIZED' })
    await expect(fresh.attempt((commands) => commands.get('a'))).rejects.toMatchObject({
      code: 'CACHE_NOT_INITIALIZED',
    })
    expect(() => fresh.fieldStore).toThrow('cache.fieldStore() was called before')
  })

  it('rejects a wrong token, and says which variable it stands in', async () => {
    const { cache: wrong } = cacheFor({ url: redis.url, token: 'wrong' })
    await expect(wrong.initialize()).rejects.toMatchObject({
      code: 'REDIS_UNAUTHORIZED',
      message: 'Redis refused the token in UPSTASH_REDIS_REST_TOKEN',
    })
    expect(wrong.initialized).toBe(false)
  })

  it('rejects a host where nothing listens', async () => {
    const { cache: nowhere } = cacheFor({ url: 'http://127.0.0.1:1', token: 'x' })
    await expect(nowhere.initialize()).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' })
  })
})

onEachCache((suite) => {
  let cache: CacheService
  let events: RecordedEvents
  let process: FieldProcess

  beforeEach(async () => {
    process = await suite.start()
    cache = process.cache
    events = process.events
  })

  describe('pipelines', () => {
    it('sends many commands in one request, each with its own result', async () => {
      await cache.set('text', 'not a number')
      const { value, requests } = await suite.counted(() =>
        cache.pipeline((commands) => [
          commands.set('a', { deep: true }, { ex: 60 }),
          commands.get<{ deep: boolean }>('a'),
          commands.incr('n'),
          commands.incr('text'),
        ]),
      )
      const [set, read, counted, wrong] = value
      expect(requests).toBe(1)
      expect(set).toEqual({ ok: true, value: 'OK' })
      expect(read).toEqual({ ok: true, value: { deep: true } })
      expect(counted).toEqual({ ok: true, value: 1 })
      expect(wrong).toMatchObject({ ok: false, error: { code: 'REDIS_COMMAND_FAILED' } })
    })

    it('takes commands that were taken out of their object, as attempt does', async () => {
      expect(await cache.pipeline(({ incr, ping }) => [incr('n'), ping()])).toEqual([
        { ok: true, value: 1 },
        { ok: true, value: 'PONG' },
      ])
      expect(await cache.attempt(({ incr }) => incr('n'))).toEqual({ ok: true, value: 2 })
    })

    it('does nothing for an empty pipeline', async () => {
      const nothing = await suite.counted(() => cache.pipeline(() => []))
      expect(nothing).toEqual({ value: [], requests: 0 })
    })
  })

  describe('mistakes of the caller', () => {
    it('throws for keys, options and values that cannot be used, and stores nothing', async () => {
      await expect(cache.get('')).rejects.toMatchObject({ code: 'KEY_INVALID' })
      await expect(cache.set('x'.repeat(300), 1)).rejects.toMatchObject({ code: 'KEY_INVALID' })
      await expect(cache.set('a', 1, 0)).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
      await expect(cache.set('a', 1, { ex: 1, px: 1 })).rejects.toThrow('more than one expiry')
      await expect(cache.set('a', 1, { nx: true, xx: true })).rejects.toThrow('nx and xx exclude each other')
      await expect(cache.set('a', undefined)).rejects.toMatchObject({ code: 'VALUE_NOT_SERIALIZABLE' })
      await expect(cache.set('a', 1n)).rejects.toMatchObject({ code: 'VALUE_NOT_SERIALIZABLE' })
      await expect(cache.expire('a', -5)).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
      expect(await cache.exists('a')).toBe(0)
    })
  })

  describe('when Redis refuses or is gone', () => {
    it('answers the fallback and emits one event for a command on a key of another kind', async () => {
      await cache.rpush('list', 1)
      events.all.length = 0
      expect(await cache.get('list')).toBeNull()
      expect(await cache.incr('list')).toBe(0)
      expect(events.of('redis.degraded').map(({ operation, code }) => [operation, code])).toEqual([
        ['get', 'REDIS_COMMAND_FAILED'],
        ['incr', 'REDIS_COMMAND_FAILED'],
      ])
    })

    it('answers null for a value that is not JSON, written by somebody else', async () => {
      await cache.redis.set('test:v1:foreign', 'not json')
      expect(await cache.get('foreign')).toBeNull()
    })

    it('lets attempt() tell what a fallback would hide', async () => {
      await suite.down()
      expect(await cache.incr('n')).toBe(0)
      expect(await cache.attempt((commands) => commands.incr('n'))).toMatchObject({
        ok: false,
        error: { code: expect.stringMatching(/^REDIS_/) },
      })
      await suite.up(process)
      expect(await cache.attempt((commands) => commands.incr('n'))).toEqual({ ok: true, value: 1 })
    })

    it('answers a fallback for every method while Redis is down, and works again once it is back', async () => {
      await suite.down()
      events.all.length = 0
      expect(
        await Promise.all([
          cache.get('a'),
          cache.set('a', 1),
          cache.del('a'),
          cache.exists('a'),
          cache.incr('a'),
          cache.expire('a', 1),
          cache.ttl('a'),
          cache.mget('a', 'b'),
          cache.mset({ a: 1 }),
          cache.hget('h', 'f'),
          cache.hset('h', 'f', 1),
          cache.hgetall('h'),
          cache.hdel('h', 'f'),
          cache.lpush('l', 1),
          cache.rpush('l', 1),
          cache.lpop('l'),
          cache.rpop('l'),
          cache.lrange('l', 0, -1),
          cache.sadd('s', 1),
          cache.srem('s', 1),
          cache.smembers('s'),
          cache.sismember('s', 1),
          cache.keysByPattern('*'),
          cache.countByPattern('*'),
          cache.deleteByPattern('*'),
          cache.memoryUsageByPattern('*'),
        ]),
      ).toEqual([
        null,
        null,
        0,
        0,
        0,
        0,
        null,
        [null, null],
        null,
        null,
        0,
        null,
        0,
        0,
        0,
        null,
        null,
        [],
        0,
        0,
        [],
        0,
        [],
        0,
        0,
        null,
      ])
      expect(events.of('redis.degraded')).toHaveLength(26)
      expect(await cache.pipeline((commands) => [commands.get('a')])).toMatchObject([{ ok: false }])
      await suite.up(process)
      expect(await cache.set('a', 'back')).toBe('OK')
      expect(await cache.get('a')).toBe('back')
    })
  })
})

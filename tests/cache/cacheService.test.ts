import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CacheService } from '@/lib/core-services/cache/cacheService'
import { cacheFor } from '../support/cache'
import type { RecordedEvents } from '../support/events'
import { startTestRedis, type TestRedis } from '../support/testRedis'

let redis: TestRedis
let cache: CacheService
let events: RecordedEvents

beforeAll(async () => {
  redis = await startTestRedis()
  const started = cacheFor(redis)
  cache = started.cache
  events = started.events
  await cache.initialize()
})
afterAll(() => redis.stop())
beforeEach(() => redis.flush())

describe('starting', () => {
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
    const { cache: chunked } = cacheFor(redis, { batchSize: 3 })
    await chunked.initialize()
    await chunked.mset({ a: 'A', b: 0, c: null })
    redis.upstash.resetCounters()
    expect(await chunked.mget('a', 'x', 'b', 'c', 'a')).toEqual(['A', null, 0, null, 'A'])
    expect(redis.upstash.counters.commands).toBe(2)
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

describe('patterns', () => {
  beforeEach(async () => {
    await cache.mset(
      Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`orders:account:${index}`, { index }])),
    )
    await cache.mset({ 'catalog:1': 1, agents_list: [] })
    await cache.fieldStore.claim('lock', 'orders:1', 'token', 60_000)
  })

  it('lists and counts keys by their logical names, over many chunks', async () => {
    expect(await cache.keysByPattern('orders:account:1?')).toEqual(
      Array.from({ length: 10 }, (_, index) => `orders:account:1${index}`),
    )
    expect(await cache.countByPattern('orders:*')).toBe(250)
  })

  it('deletes what matches and nothing else, and never what the engine keeps for itself', async () => {
    expect(await cache.deleteByPattern('orders:*')).toBe(250)
    expect(await cache.keysByPattern('*')).toEqual(['agents_list', 'catalog:1'])
    await cache.deleteByPattern('*')
    expect(await cache.fieldStore.claim('lock', 'orders:1', 'other', 60_000)).toBe(false)
  })

  it('never reaches the keys of another prefix or version', async () => {
    const { cache: neighbour } = cacheFor(redis, { keyVersion: 'v2' })
    await neighbour.initialize()
    expect(await neighbour.countByPattern('*')).toBe(0)
    expect(await neighbour.get('agents_list')).toBeNull()
  })

  it('tells the memory that keys take, and whether that is an estimate', async () => {
    const one = await cache.memoryUsageByPattern('catalog:1')
    const all = await cache.memoryUsageByPattern('orders:*')
    expect(one?.keys).toBe(1)
    expect(all).toMatchObject({ keys: 250, estimated: one?.estimated })
    expect(all?.bytes).toBeGreaterThan(250 * '{"index":1}'.length)
    expect(await cache.memoryUsageByPattern('absent:*')).toEqual({ keys: 0, bytes: 0, estimated: false })
  })

  it('counts hashes, lists and sets into the memory as well', async () => {
    const text = 'x'.repeat(1_000)
    await cache.hset('big:hash', 'a', text)
    await cache.rpush('big:list', text, `${text}2`)
    await cache.sadd('big:set', text, `${text}2`)
    expect((await cache.memoryUsageByPattern('big:*'))?.bytes).toBeGreaterThan(5_000)
  })
})

describe('pipelines', () => {
  it('sends many commands in one request, each with its own result', async () => {
    await cache.set('text', 'not a number')
    redis.upstash.resetCounters()
    const [set, read, counted, wrong] = await cache.pipeline((commands) => [
      commands.set('a', { deep: true }, { ex: 60 }),
      commands.get<{ deep: boolean }>('a'),
      commands.incr('n'),
      commands.incr('text'),
    ])
    expect(set).toEqual({ ok: true, value: 'OK' })
    expect(read).toEqual({ ok: true, value: { deep: true } })
    expect(counted).toEqual({ ok: true, value: 1 })
    expect(wrong).toMatchObject({ ok: false, error: { code: 'REDIS_COMMAND_FAILED' } })
    expect(redis.upstash.counters).toMatchObject({ requests: 1, commands: 4 })
  })

  it('does nothing for an empty pipeline', async () => {
    redis.upstash.resetCounters()
    expect(await cache.pipeline(() => [])).toEqual([])
    expect(redis.upstash.counters.requests).toBe(0)
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
    await redis.killEngine()
    expect(await cache.incr('n')).toBe(0)
    expect(await cache.attempt((commands) => commands.incr('n'))).toMatchObject({
      ok: false,
      error: { code: expect.stringMatching(/^REDIS_/) },
    })
    await redis.reviveEngine()
    await expect.poll(() => cache.attempt((commands) => commands.incr('n'))).toMatchObject({ ok: true })
  })

  it('answers a fallback for every method while Redis is down, and works again once it is back', async () => {
    await redis.killEngine()
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
    await redis.reviveEngine()
    await expect.poll(() => cache.set('a', 'back')).toBe('OK')
    expect(await cache.get('a')).toBe('back')
  })
})

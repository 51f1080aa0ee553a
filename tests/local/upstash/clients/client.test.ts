import { Redis } from '@upstash/redis'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const server = redisForThisFile()
let redis: Redis
beforeAll(() => {
  // Default options on purpose: auto-pipelining, base64, retries and deserialisation are all part of what must work.
  redis = new Redis({ url: server.url, token: server.token })
})
beforeEach(() => server.flush())

const sorted = (values: readonly string[]): string[] => [...values].sort()

describe('strings through the @upstash/redis client', () => {
  it('come back as what was set', async () => {
    await expect(redis.set('text', 'ünï "quoted"\n😀')).resolves.toBe('OK')
    await expect(redis.get('text')).resolves.toBe('ünï "quoted"\n😀')
    await redis.set('object', { list: [1, 'OK', null], ok: true })
    await expect(redis.get('object')).resolves.toEqual({ list: [1, 'OK', null], ok: true })
    await redis.set('number', 42.5)
    await expect(redis.get('number')).resolves.toBe(42.5)
    await redis.set('ok', 'OK')
    await expect(redis.get('ok')).resolves.toBe('OK')
    await redis.set('empty', '')
    await expect(redis.get('empty')).resolves.toBe('')
    await expect(redis.get('missing')).resolves.toBeNull()
  })

  it('obey the options of SET', async () => {
    await expect(redis.set('k', 'one', { nx: true, px: 60_000 })).resolves.toBe('OK')
    await expect(redis.set('k', 'two', { nx: true })).resolves.toBeNull()
    await expect(redis.set('k', 'three', { xx: true, get: true, keepTtl: true })).resolves.toBe('one')
    await expect(redis.get('k')).resolves.toBe('three')
    const left = await redis.pttl('k')
    expect(left).toBeGreaterThan(50_000)
    expect(left).toBeLessThanOrEqual(60_000)
    await redis.set('k', 'four', { ex: 10 })
    await expect(redis.ttl('k')).resolves.toBe(10)
    await redis.set('k', 'five')
    await expect(redis.ttl('k')).resolves.toBe(-1)
  })

  it('are set and read many at a time', async () => {
    await expect(redis.mset({ a: 'x', b: { n: 1 }, c: 3 })).resolves.toBe('OK')
    await expect(redis.mget('a', 'b', 'none', 'c')).resolves.toEqual(['x', { n: 1 }, null, 3])
    await expect(redis.msetnx({ c: 1, d: 2 })).resolves.toBe(0)
    await expect(redis.exists('a', 'b', 'd')).resolves.toBe(2)
    await expect(redis.del('a', 'b', 'd')).resolves.toBe(2)
  })

  it('of a megabyte come back exactly', async () => {
    const value = 'aß漢😀'.repeat(110_000)
    await redis.set('large', value)
    expect((await redis.get('large')) === value).toBe(true)
  })

  it('count', async () => {
    await expect(redis.incr('n')).resolves.toBe(1)
    await expect(redis.incrby('n', 41)).resolves.toBe(42)
    await expect(redis.incrbyfloat('n', 0.5)).resolves.toBe(42.5)
  })
})

describe('collections through the @upstash/redis client', () => {
  it('work as hashes', async () => {
    await expect(redis.hset('h', { a: 1, b: 'two', c: { deep: true } })).resolves.toBe(3)
    await expect(redis.hgetall('h')).resolves.toEqual({ a: 1, b: 'two', c: { deep: true } })
    await expect(redis.hmget('h', 'a', 'none')).resolves.toEqual({ a: 1, none: null })
    await expect(redis.hget('h', 'b')).resolves.toBe('two')
    await expect(redis.hdel('h', 'a', 'none')).resolves.toBe(1)
    await expect(redis.hgetall('missing')).resolves.toBeNull()
  })

  it('work as lists', async () => {
    await redis.rpush<unknown>('l', 'a', { n: 1 }, 'OK')
    await redis.lpush('l', 'first')
    await expect(redis.lrange('l', 0, -1)).resolves.toEqual(['first', 'a', { n: 1 }, 'OK'])
    await expect(redis.lpop('l')).resolves.toBe('first')
    await expect(redis.llen('l')).resolves.toBe(3)
  })

  it('work as sets and sorted sets', async () => {
    await expect(redis.sadd('s', 'a', 'b', 'b')).resolves.toBe(2)
    expect(sorted(await redis.smembers<string[]>('s'))).toEqual(['a', 'b'])
    await expect(redis.sismember('s', 'a')).resolves.toBe(1)
    await redis.zadd('z', { score: 2, member: 'two' }, { score: 1.5, member: 'less' })
    await expect(redis.zrange('z', 0, -1, { withScores: true })).resolves.toEqual(['less', 1.5, 'two', 2])
  })

  it('are walked with SCAN, which ends', async () => {
    const keys = Array.from({ length: 250 }, (_, index) => `orders:${index}`)
    await redis.mset(Object.fromEntries([...keys, 'other'].map((key) => [key, 1])))
    const found = new Set<string>()
    let cursor = '0'
    do {
      const [next, page] = await redis.scan(cursor, { match: 'orders:*', count: 50 })
      for (const key of page) found.add(key)
      cursor = next
    } while (cursor !== '0')
    expect(sorted([...found])).toEqual(sorted(keys))
  })
})

describe('scripts through the @upstash/redis client', () => {
  const LIMITER = `#!lua flags=allow-key-locking
    local n = redis.call("INCR", KEYS[1])
    if n == 1 then redis.call("PEXPIRE", KEYS[1], ARGV[1]) end
    return {n, redis.call("GET", KEYS[1]), cjson.encode({n = n}), false}`

  it('take keys and arguments and answer nested values', async () => {
    const script = 'return {KEYS[1], ARGV[1], {1, "OK"}, redis.status_reply("FINE")}'
    await expect(redis.eval(script, ['k'], ['v'])).resolves.toEqual(['k', 'v', [1, 'OK'], 'FINE'])
  })

  it('run with the shebang of the vendor', async () => {
    await expect(redis.eval(LIMITER, ['n'], [60_000])).resolves.toEqual([1, 1, { n: 1 }, null])
    await expect(redis.pttl('n')).resolves.toBeGreaterThan(0)
  })

  it('are loaded and run by SHA', async () => {
    const sha = await redis.scriptLoad(LIMITER)
    await expect(redis.evalsha(sha, ['n'], [60_000])).resolves.toEqual([1, 1, { n: 1 }, null])
  })

  it('fall back from EVALSHA to EVAL once, by the SHA the client computes', async () => {
    await redis.scriptFlush()
    const script = redis.createScript<unknown[]>(`${LIMITER} -- once`)
    await expect(script.exec(['n'], ['60000'])).resolves.toHaveLength(4)
    server.upstash.resetCounters()
    await expect(script.exec(['n'], ['60000'])).resolves.toEqual([2, 2, { n: 2 }, null])
    expect(server.upstash.counters.byCommand).toEqual({ EVALSHA: 1 })
  })

  it('fail with the message of the script', async () => {
    await expect(redis.eval('return redis.error_reply("MY text")', [], [])).rejects.toThrow(/MY text/)
  })
})

describe('batches through the @upstash/redis client', () => {
  it('run as pipelines and as transactions', async () => {
    const batch = (name: 'pipeline' | 'multi') =>
      redis[name]().set('k', { n: 1 }).get('k').incr(`${name}:n`).hgetall('none').mget('k', 'none').exec()
    const expected = ['OK', { n: 1 }, 1, null, [{ n: 1 }, null]]
    await expect(batch('pipeline')).resolves.toEqual(expected)
    await expect(batch('multi')).resolves.toEqual(expected)
  })

  it('keep the errors of single commands apart', async () => {
    await redis.set('text', 'x')
    const results = await redis.pipeline().get('text').llen('text').ping().exec({ keepErrors: true })
    expect(results).toEqual([
      { result: 'x' },
      { error: expect.stringContaining('WRONGTYPE') },
      { result: 'PONG' },
    ])
  })

  it('are discarded as a whole when the engine refuses one command of a transaction', async () => {
    const transaction = redis.multi().set('k', 'v').del()
    await expect(transaction.exec()).rejects.toThrow(/ERR wrong number of arguments for 'del' command/)
    await expect(redis.exists('k')).resolves.toBe(0)
  })

  it('join the commands of one tick in few requests', async () => {
    server.upstash.resetCounters()
    await redis.mset({ a: 1, b: 2, c: 3 })
    const results = await Promise.all([redis.get('a'), redis.get('b'), redis.get('c'), redis.get('none')])
    expect(results).toEqual([1, 2, 3, null])
    expect(server.upstash.counters).toMatchObject({ requests: 2, commands: 5 })
  })

  it('hold the sync token of the last answer', async () => {
    await redis.set('k', 'v')
    const before = redis.readYourWritesSyncToken
    await redis.get('k')
    expect(before).toBeTruthy()
    expect(redis.readYourWritesSyncToken).not.toBe(before)
  })
})

describe('failures through the @upstash/redis client', () => {
  it('say that the token is wrong', async () => {
    const stranger = new Redis({ url: server.url, token: 'wrong' })
    await expect(stranger.get('k')).rejects.toThrow(/WRONGPASS invalid or missing auth token/)
  })

  it('are errors while the engine is down, and are over when it is back', async () => {
    await redis.set('k', 'v')
    await server.killEngine()
    await expect(redis.get('k')).rejects.toThrow(/ERR the Redis engine cannot be reached/)
    await expect(redis.multi().get('k').exec()).rejects.toThrow(/cannot be reached/)
    await server.reviveEngine()
    await expect(redis.get('k')).resolves.toBeNull()
    await expect(redis.set('k', 'again')).resolves.toBe('OK')
  })
})

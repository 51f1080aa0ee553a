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

const numbered = (length: number, prefix: string): string[] =>
  Array.from({ length }, (_, index) => `${prefix}${index}`)

/** Walks to the end of a cursor and gives everything that was found, sorted and each once. */
async function walk(step: (cursor: string) => Promise<[string, (string | number)[]]>): Promise<string[]> {
  const found = new Set<string>()
  let cursor = '0'
  do {
    const [next, page] = await step(cursor)
    for (const item of page) found.add(String(item))
    cursor = next
  } while (cursor !== '0')
  return [...found].sort()
}

describe('keys through the @upstash/redis client', () => {
  it('expire, persist and are typed', async () => {
    await redis.set('k', 'v')
    await expect(redis.expire('k', 100)).resolves.toBe(1)
    await expect(redis.ttl('k')).resolves.toBe(100)
    await expect(redis.expire('none', 100)).resolves.toBe(0)
    await expect(redis.pexpire('k', 50_000)).resolves.toBe(1)
    expect(await redis.pttl('k')).toBeLessThanOrEqual(50_000)
    await expect(redis.persist('k')).resolves.toBe(1)
    await expect(redis.ttl('k')).resolves.toBe(-1)
    await expect(redis.ttl('none')).resolves.toBe(-2)
    await redis.hset('h', { f: 1 })
    await expect(Promise.all([redis.type('k'), redis.type('h'), redis.type('none')])).resolves.toEqual([
      'string',
      'hash',
      'none',
    ])
  })

  it('are removed, renamed and counted', async () => {
    await redis.mset({ a: 1, b: 2, c: 3 })
    await expect(redis.unlink('a', 'none')).resolves.toBe(1)
    await expect(redis.rename('b', 'd')).resolves.toBe('OK')
    await expect(redis.exists('b', 'c', 'd')).resolves.toBe(2)
    await expect(redis.dbsize()).resolves.toBe(2)
    expect((await redis.keys('*')).sort()).toEqual(['c', 'd'])
    await expect(redis.del('c', 'd')).resolves.toBe(2)
  })

  it('tell lengths, ranges and parts of strings', async () => {
    await redis.set('k', 'hello')
    await expect(redis.append('k', ' world')).resolves.toBe(11)
    await expect(redis.strlen('k')).resolves.toBe(11)
    await expect(redis.getrange('k', 6, -1)).resolves.toBe('world')
    await expect(redis.getdel('k')).resolves.toBe('hello world')
    await expect(redis.getset('k', 'new')).resolves.toBeNull()
    await expect(redis.setnx('k', 'other')).resolves.toBe(0)
    await expect(redis.setex('k', 10, 'short')).resolves.toBe('OK')
    await expect(redis.psetex('k', 10_000, 'short')).resolves.toBe('OK')
    await expect(redis.decr('n')).resolves.toBe(-1)
    await expect(redis.decrby('n', 9)).resolves.toBe(-10)
  })

  it('answer PING, ECHO and TIME', async () => {
    await expect(redis.ping()).resolves.toBe('PONG')
    await expect(redis.echo('héllo')).resolves.toBe('héllo')
    const [seconds, micros] = await redis.time()
    expect(Math.abs(seconds * 1_000 + micros / 1_000 - Date.now())).toBeLessThan(60_000)
  })
})

describe('cursors through the @upstash/redis client', () => {
  const items = numbered(120, 'item:')

  it('walk the key space by pattern and type', async () => {
    await redis.mset(Object.fromEntries(items.map((key) => [key, 1])))
    await redis.sadd('item:set', 'x')
    const found = await walk((cursor) => redis.scan(cursor, { match: 'item:*', count: 30, type: 'string' }))
    expect(found).toEqual([...items].sort())
  })

  it('walk a hash, a set and a sorted set', async () => {
    await redis.hset('h', Object.fromEntries(items.map((item) => [item, 'value'])))
    await redis.sadd('s', 'first', ...items)
    await redis.zadd('z', { score: 1, member: 'first' }, ...items.map((member) => ({ score: 2.5, member })))
    const options = { match: 'item:*', count: 30 }
    await expect(walk((cursor) => redis.hscan('h', cursor, options))).resolves.toEqual(
      [...items, 'value'].sort(),
    )
    await expect(walk((cursor) => redis.sscan('s', cursor, options))).resolves.toEqual([...items].sort())
    await expect(walk((cursor) => redis.zscan('z', cursor, options))).resolves.toEqual(
      [...items, '2.5'].sort(),
    )
  })
})

describe('collections through the @upstash/redis client', () => {
  it('are hashes with counters and single fields', async () => {
    await expect(redis.hset('h', { n: 1, text: 'x' })).resolves.toBe(2)
    await expect(redis.hincrby('h', 'n', 41)).resolves.toBe(42)
    await expect(redis.hsetnx('h', 'n', 0)).resolves.toBe(0)
    await expect(redis.hexists('h', 'text')).resolves.toBe(1)
    await expect(redis.hlen('h')).resolves.toBe(2)
    expect((await redis.hkeys('h')).sort()).toEqual(['n', 'text'])
    expect((await redis.hvals('h')).map(String).sort()).toEqual(['42', 'x'])
  })

  it('are lists that are pushed, popped and cut at both ends', async () => {
    await expect(redis.rpush('l', 1, 2, 3)).resolves.toBe(3)
    await expect(redis.lpush('l', 0)).resolves.toBe(4)
    await expect(redis.rpop('l')).resolves.toBe(3)
    await expect(redis.lrange('l', 0, -1)).resolves.toEqual([0, 1, 2])
    await expect(redis.lset('l', 1, 'one')).resolves.toBe('OK')
    await expect(redis.lindex('l', -2)).resolves.toBe('one')
    await expect(redis.lrem('l', 0, 'one')).resolves.toBe(1)
    await expect(redis.ltrim('l', 0, 0)).resolves.toBe('OK')
    await expect(redis.lpop('l', 5)).resolves.toEqual([0])
    await expect(redis.lpop('l')).resolves.toBeNull()
  })

  it('are sets with their algebra', async () => {
    await redis.sadd('a', 1, 2, 3)
    await redis.sadd('b', 3, 4)
    expect((await redis.sunion('a', 'b')).map(Number).sort()).toEqual([1, 2, 3, 4])
    await expect(redis.sinter('a', 'b')).resolves.toEqual([3])
    await expect(redis.srem('a', 1, 9)).resolves.toBe(1)
    await expect(redis.scard('a')).resolves.toBe(2)
    await expect(redis.smismember('a', [2, 9])).resolves.toEqual([1, 0])
  })

  it('are sorted sets by rank, score and range', async () => {
    await expect(
      redis.zadd('z', { score: 1, member: 'a' }, { score: 2, member: 'b' }, { score: 3.5, member: 'c' }),
    ).resolves.toBe(3)
    await expect(redis.zadd('z', { gt: true, ch: true }, { score: 0, member: 'a' })).resolves.toBe(0)
    await expect(redis.zincrby('z', 10, 'a')).resolves.toBe(11)
    await expect(redis.zscore('z', 'c')).resolves.toBe(3.5)
    await expect(redis.zrank('z', 'a')).resolves.toBe(2)
    await expect(redis.zrange('z', 0, 1, { rev: true, withScores: true })).resolves.toEqual([
      'a',
      11,
      'c',
      3.5,
    ])
    await expect(redis.zrange('z', 2, '+inf', { byScore: true, offset: 1, count: 1 })).resolves.toEqual(['c'])
    await expect(redis.zcount('z', '-inf', 4)).resolves.toBe(2)
    await expect(redis.zremrangebyscore('z', 0, 4)).resolves.toBe(2)
    await expect(redis.zrem('z', 'a', 'none')).resolves.toBe(1)
    await expect(redis.zcard('z')).resolves.toBe(0)
  })
})

describe('streams through the @upstash/redis client', () => {
  it('are written, read and cut', async () => {
    const first = await redis.xadd('s', '*', { kind: 'created', n: 1 })
    const second = await redis.xadd('s', '*', { kind: 'changed', n: 2 })
    await expect(redis.xlen('s')).resolves.toBe(2)
    await expect(redis.xrange('s', '-', '+')).resolves.toEqual({
      [first]: { kind: 'created', n: 1 },
      [second]: { kind: 'changed', n: 2 },
    })
    await expect(redis.xrevrange('s', '+', '-', 1)).resolves.toEqual({ [second]: { kind: 'changed', n: 2 } })
    await expect(redis.xread('s', first)).resolves.toEqual([['s', [[second, ['kind', 'changed', 'n', 2]]]]])
    await expect(redis.xread('s', second)).resolves.toBeNull()
    await expect(redis.xdel('s', first)).resolves.toBe(1)
    await expect(redis.xlen('s')).resolves.toBe(1)
  })

  it('are read in groups, each entry by one consumer, until it is acknowledged', async () => {
    const first = await redis.xadd('s', '*', { n: 1 })
    await expect(redis.xgroup('s', { type: 'CREATE', group: 'g', id: '0' })).resolves.toBe('OK')
    const second = await redis.xadd('s', '*', { n: 2 })
    const one = await redis.xreadgroup('g', 'alice', 's', '>', { count: 1 })
    expect(one).toEqual([['s', [[first, ['n', 1]]]]])
    const two = await redis.xreadgroup('g', 'bob', 's', '>')
    expect(two).toEqual([['s', [[second, ['n', 2]]]]])
    await expect(redis.xreadgroup('g', 'bob', 's', '>')).resolves.toBeNull()
    await expect(redis.xack('s', 'g', first)).resolves.toBe(1)
    await expect(redis.xack('s', 'g', first)).resolves.toBe(0)
    await expect(redis.xpending('s', 'g', '-', '+', 10)).resolves.toEqual([
      [second, 'bob', expect.anything(), 1],
    ])
  })
})

describe('scripts through the @upstash/redis client', () => {
  const COUNTER = 'return redis.call("INCRBY", KEYS[1], ARGV[1])'

  it('are loaded, found, run by SHA, and forgotten', async () => {
    const sha = await redis.scriptLoad(COUNTER)
    await expect(redis.scriptExists(sha, 'f'.repeat(40))).resolves.toEqual([1, 0])
    await expect(redis.evalsha(sha, ['n'], [5])).resolves.toBe(5)
    await expect(redis.scriptFlush()).resolves.toBe('OK')
    await expect(redis.evalsha(sha, ['n'], [5])).rejects.toThrow(/NOSCRIPT/)
  })

  it('run read-only', async () => {
    await redis.set('k', 'v')
    await expect(redis.evalRo('return redis.call("GET", KEYS[1])', ['k'], [])).resolves.toBe('v')
    await expect(redis.evalRo('return redis.call("DEL", KEYS[1])', ['k'], [])).rejects.toThrow(/read-only/)
    const script = redis.createScript<string, true>('return redis.call("GET", KEYS[1])', { readonly: true })
    await expect(script.exec(['k'], [])).resolves.toBe('v')
  })

  it('run inside transactions, in order with the rest', async () => {
    const transaction = redis
      .multi()
      .set('n', 1)
      .eval(COUNTER, ['n'], [9])
      .get('n')
      .zadd('z', { score: 1, member: 'm' })
    await expect(transaction.exec()).resolves.toEqual(['OK', 10, 10, 1])
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
beforeEach(async () => {
  await redis.flush()
  redis.upstash.resetCounters()
})

const ZERO = { requests: 0, commands: 0, bytesIn: 0, bytesOut: 0, refusals: 0, byCommand: {} }
const stats = '/__local/stats'
const withoutToken = { authorization: '' }

describe('the counters', () => {
  it('count one request and one command for a command, and the bytes of both bodies', async () => {
    await rest(redis, '/', { body: '["set","k","ü"]' })
    expect(redis.upstash.counters).toEqual({
      requests: 1,
      commands: 1,
      bytesIn: Buffer.byteLength('["set","k","ü"]'),
      bytesOut: Buffer.byteLength('{"result":"OK"}'),
      refusals: 0,
      byCommand: { SET: 1 },
    })
  })

  it('count each entry of a batch as a command, a script as one, and neither MULTI nor EXEC', async () => {
    const body = [
      ['SET', 'k', 1],
      ['get', 'k'],
      ['EVAL', 'redis.call("SET", "a", 1) return redis.call("GET", "a")', 0],
    ]
    await rest(redis, '/pipeline', { body })
    await rest(redis, '/multi-exec', { body })
    expect(redis.upstash.counters).toMatchObject({
      requests: 2,
      commands: 6,
      byCommand: { SET: 2, GET: 2, EVAL: 2 },
    })
  })

  it('count refused requests, and no command that was never run', async () => {
    await rest(redis, '/get/k', { headers: withoutToken })
    await rest(redis, '/get/k', { method: 'DELETE' })
    await rest(redis, '/', { body: 'nonsense' })
    await rest(redis, '/', { body: ['BLPOP', 'l', 0] })
    await rest(redis, '/', { body: 'x'.repeat(10_485_761) })
    expect(redis.upstash.counters).toMatchObject({ requests: 5, refusals: 5, commands: 0, byCommand: {} })
    await rest(redis, '/', { body: ['GET'] })
    expect(redis.upstash.counters).toMatchObject({ requests: 6, refusals: 6, commands: 1 })
  })

  it('do not count the body HEAD leaves out', async () => {
    await rest(redis, '/ping', { method: 'HEAD' })
    expect(redis.upstash.counters).toMatchObject({ requests: 1, bytesOut: 0 })
  })

  it('are read over HTTP without a token and without being counted', async () => {
    await rest(redis, '/ping')
    const answer = await rest(redis, stats, { method: 'GET', headers: withoutToken })
    expect(answer).toMatchObject({ status: 200, body: redis.upstash.counters })
    expect(redis.upstash.counters).toMatchObject({ requests: 1, commands: 1, byCommand: { PING: 1 } })
  })

  it.each([
    ['DELETE', stats],
    ['POST', `${stats}/reset`],
  ])('are reset with %s %s, for those who hold the object too', async (method, path) => {
    const { counters } = redis.upstash
    await rest(redis, '/ping')
    await expect(rest(redis, path, { method, headers: withoutToken })).resolves.toMatchObject({ body: ZERO })
    expect(counters).toEqual(ZERO)
  })

  it('are not reset by anything else', async () => {
    await rest(redis, '/ping')
    await expect(rest(redis, stats, { method: 'POST' })).resolves.toMatchObject({ status: 405 })
    await expect(rest(redis, `${stats}/reset`, { method: 'GET' })).resolves.toMatchObject({ status: 405 })
    expect(redis.upstash.counters).toMatchObject({ requests: 1 })
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstashServer } from '@/local/upstash/server'
import { rest, startTestRedis, type TestRedis } from '../../kit/redis/testRedis'

let redis: TestRedis
beforeEach(async () => {
  redis = await startTestRedis()
})
afterEach(() => redis.stop())

const DOWN = { status: 503, body: { error: 'ERR the Redis engine cannot be reached' } }
const FAST_MS = 2_000
const RECOVERED_MS = 5_000

async function timed<T>(run: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const started = performance.now()
  const result = await run()
  return { result, ms: performance.now() - started }
}

const requests = [
  ['a command', () => rest(redis, '/', { body: ['SET', 'k', 'v'] })],
  ['a path', () => rest(redis, '/get/k')],
  ['a pipeline', () => rest(redis, '/pipeline', { body: [['GET', 'k']] })],
  ['a transaction', () => rest(redis, '/multi-exec', { body: [['GET', 'k']] })],
  ['a script with a shebang', () => rest(redis, '/', { body: ['EVAL', '#!lua\nreturn 1', 0] })],
] as const

describe('while the engine is down', () => {
  it.each(requests)('%s is answered 503 without waiting for it, every time', async (_, send) => {
    await redis.killEngine()
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { result, ms } = await timed(send)
      expect(result).toMatchObject(DOWN)
      expect(ms).toBeLessThan(FAST_MS)
    }
  })

  it('what is under way when it goes down ends too', async () => {
    const busy = Array.from({ length: 50 }, (_, index) => rest(redis, `/set/k${index}/v`))
    const long = rest(redis, '/pipeline', { body: Array.from({ length: 2_000 }, () => ['INCR', 'n']) })
    await rest(redis, '/ping')
    const { result, ms } = await timed(async () => {
      await redis.killEngine()
      return Promise.all([...busy, long])
    })
    for (const { status } of result) expect([200, 503]).toContain(status)
    expect(result.at(-1)?.status).toBe(503)
    expect(ms).toBeLessThan(RECOVERED_MS)
  })

  it('requests are still refused for what is wrong with them', async () => {
    await redis.killEngine()
    const headers = { authorization: 'Bearer wrong' }
    await expect(rest(redis, '/get/k', { headers })).resolves.toMatchObject({ status: 401 })
    await expect(rest(redis, '/blpop/l/0')).resolves.toMatchObject({ status: 400 })
  })

  it('a server can be started', async () => {
    await redis.killEngine()
    const server = await startUpstashServer({ redisUrl: redis.engine.url, token: 'other' })
    await expect(rest(server, '/ping')).resolves.toMatchObject(DOWN)
    await redis.reviveEngine()
    await server.engineConnected()
    await expect(rest(server, '/ping')).resolves.toMatchObject({ body: { result: 'PONG' } })
    await server.close()
  })
})

describe('once the engine is back', () => {
  it('answers again by itself once the engine is back, and ran nothing of what it had refused', async () => {
    await rest(redis, '/set/before/v')
    for (let round = 0; round < 2; round += 1) {
      await redis.killEngine()
      await expect(rest(redis, '/set/during/v')).resolves.toMatchObject(DOWN)
      const { ms } = await timed(() => redis.reviveEngine())
      expect(ms).toBeLessThan(RECOVERED_MS)
      await expect(rest(redis, '/exists/before/during')).resolves.toMatchObject({ body: { result: 0 } })
    }
    await expect(rest(redis, '/multi-exec', { body: [['INCR', 'n']] })).resolves.toMatchObject({
      body: [{ result: 1 }],
    })
  })

  it('runs scripts by their earlier SHA once they are sent again', async () => {
    const script = '#!lua flags=allow-key-locking\nreturn 1'
    const loaded = await rest(redis, '/', { body: ['SCRIPT', 'LOAD', script] })
    const { result: sha } = loaded.body as { result: string }
    await redis.killEngine()
    await redis.reviveEngine()
    const run = () => rest(redis, '/', { body: ['EVALSHA', sha, 0] })
    await expect(run()).resolves.toMatchObject({ body: { error: expect.stringMatching(/^NOSCRIPT/) } })
    await rest(redis, '/', { body: ['EVAL', script, 0] })
    await expect(run()).resolves.toMatchObject({ body: { result: 1 } })
  })
})

describe('a closed server', () => {
  it('a closed server refuses connections and leaves the engine running', async () => {
    const server = await startUpstashServer({ redisUrl: redis.engine.url, token: 'other' })
    await server.close()
    await expect(rest(server, '/ping')).rejects.toThrow()
    await expect(rest(redis, '/ping')).resolves.toMatchObject({ status: 200 })
  })

  it('is needed before its port can be used again', async () => {
    const { port } = redis.upstash
    const options = { redisUrl: redis.engine.url, token: 'other', port }
    await expect(startUpstashServer(options)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await redis.upstash.close()
    const server = await startUpstashServer(options)
    expect(server.port).toBe(port)
    await server.close()
  })

  it('needs a token to open', async () => {
    await expect(startUpstashServer({ redisUrl: redis.engine.url, token: '' })).rejects.toThrow(/token/)
  })
})

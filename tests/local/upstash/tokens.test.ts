import { Redis } from '@upstash/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startUpstashServer, type UpstashServer } from '@/local/upstash/server'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
const readOnlyToken = 'read-only-token'
let server: UpstashServer
beforeAll(async () => {
  server = await startUpstashServer({ redisUrl: redis.engine.url, token: redis.token, readOnlyToken })
})
afterAll(() => server.close())
beforeEach(async () => {
  await redis.flush()
  await rest(redis, '/', { body: ['SET', 'k', 'v'] })
})

const reader = () => ({ url: server.url, token: readOnlyToken })
const refusal = (name: string) => ({
  error: `NOPERM this user has no permissions to run the '${name}' command or its subcommand`,
})

describe('the read-only token', () => {
  it('the read-only token allows reads', async () => {
    for (const path of [
      '/get/k',
      '/mget/k/l',
      '/exists/k',
      '/ttl/k',
      '/type/k',
      '/hgetall/h',
      '/zrange/z/0/1',
      '/ping',
      '/echo/x',
    ]) {
      await expect(rest(reader(), path)).resolves.toMatchObject({ status: 200 })
    }
    await expect(
      rest(server, `/get/k?_token=${readOnlyToken}`, { headers: { authorization: '' } }),
    ).resolves.toMatchObject({
      body: { result: 'v' },
    })
  })

  it.each([
    ['SET', 'k', 'w'],
    ['del', 'k'],
    ['GETDEL', 'k'],
    ['EVALSHA', 'x', 0],
    ['EVAL', 'return 1', 0],
    ['KEYS', '*'],
    ['SCAN', 0],
    ['PUBLISH', 'chat', 'x'],
    ['FLUSHALL'],
  ])('the read-only token refuses %s', async (...body) => {
    const error = refusal(String(body[0]).toLowerCase())
    await expect(rest(reader(), '/', { body })).resolves.toMatchObject({ status: 400, body: error })
    await expect(rest(reader(), '/pipeline', { body: [['GET', 'k'], body] })).resolves.toMatchObject({
      status: 200,
      body: [{ result: 'v' }, error],
    })
    await expect(rest(reader(), '/multi-exec', { body: [['GET', 'k'], body] })).resolves.toMatchObject({
      status: 400,
      body: error,
    })
    await expect(rest(redis, '/get/k')).resolves.toMatchObject({ body: { result: 'v' } })
  })

  it.each(['subscribe/chat', 'psubscribe/*', 'monitor'])(
    'the read-only token does not open /%s',
    async (path) => {
      const [name = ''] = path.split('/')
      await expect(rest(reader(), `/${path}`)).resolves.toMatchObject({ status: 400, body: refusal(name) })
    },
  )

  it('the client reports that the read-only token may not write', async () => {
    const client = new Redis(reader())
    await expect(client.get('k')).resolves.toBe('v')
    await expect(client.set('k', 'w')).rejects.toThrow(/NOPERM .* 'set'/)
  })

  it('an empty read-only token opens nothing', async () => {
    await expect(rest({ url: redis.url, token: readOnlyToken }, '/get/k')).resolves.toMatchObject({
      status: 401,
    })
    await expect(rest({ url: redis.url, token: '' }, '/get/k')).resolves.toMatchObject({ status: 401 })
  })
})

describe('the full token', () => {
  it('the full token allows everything', async () => {
    await expect(rest(server, '/set/k/w')).resolves.toMatchObject({ body: { result: 'OK' } })
    await expect(rest(server, '/keys/*')).resolves.toMatchObject({ body: { result: ['k'] } })
  })
})

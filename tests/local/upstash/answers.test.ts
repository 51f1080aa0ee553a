import { beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
beforeEach(() => redis.flush())

const command = (...body: unknown[]) => rest(redis, '/', { body })
const base64 = { 'upstash-encoding': 'base64' }

describe('base64 answers', () => {
  const encode = (text: string): string => Buffer.from(text).toString('base64')

  it('base64 answers encode every string except a plain OK on its own', async () => {
    const body = ['SET', 'k', 'ünïcode']
    await expect(rest(redis, '/', { body, headers: base64 })).resolves.toMatchObject({
      body: { result: 'OK' },
    })
    await expect(rest(redis, '/get/k', { headers: base64 })).resolves.toMatchObject({
      body: { result: encode('ünïcode') },
    })
    await expect(rest(redis, '/ping', { headers: base64 })).resolves.toMatchObject({
      body: { result: encode('PONG') },
    })
  })

  it('base64 answers encode every nested string, OK included, and not numbers and null', async () => {
    const body = ['EVAL', 'return {"OK", 7, false, {"OK", "x"}}', 0]
    await expect(rest(redis, '/', { body, headers: base64 })).resolves.toMatchObject({
      body: { result: [encode('OK'), 7, null, [encode('OK'), encode('x')]] },
    })
  })

  it('base64 answers never encode errors', async () => {
    await expect(rest(redis, '/get', { headers: base64 })).resolves.toMatchObject({
      body: { error: "ERR wrong number of arguments for 'get' command" },
    })
  })

  it('base64 answers carry bytes that are not text', async () => {
    const body = ['EVAL', 'return string.char(0, 255, 128, 10)', 0]
    await expect(rest(redis, '/', { body, headers: base64 })).resolves.toMatchObject({
      body: { result: Buffer.from([0, 255, 128, 10]).toString('base64') },
    })
  })

  it('base64 answers encode each entry of a batch', async () => {
    const body = [['SET', 'k', 'v'], ['GET', 'k'], ['MGET', 'k', 'none'], ['GET']]
    await expect(rest(redis, '/pipeline', { body, headers: base64 })).resolves.toMatchObject({
      body: [
        { result: 'OK' },
        { result: encode('v') },
        { result: [encode('v'), null] },
        { error: "ERR wrong number of arguments for 'get' command" },
      ],
    })
  })

  it('answers are in base64 only on request', async () => {
    await command('SET', 'k', 'v')
    await expect(rest(redis, '/get/k')).resolves.toMatchObject({ body: { result: 'v' } })
  })
})

describe('the sync token', () => {
  it('the sync token changes with every answer of every kind', async () => {
    const requests = [
      () => command('SET', 'k', 'v'),
      () => command('GET', 'k'),
      () => command('NOSUCH'),
      () => rest(redis, '/pipeline', { body: [['GET', 'k']] }),
      () => rest(redis, '/multi-exec', { body: [['GET', 'k']] }),
      () => rest(redis, '/get/k', { method: 'GET' }),
    ]
    const tokens: (string | null)[] = []
    for (const request of requests) tokens.push((await request()).headers.get('upstash-sync-token'))
    expect(tokens).not.toContain(null)
    expect(new Set(tokens).size).toBe(requests.length)
  })
})

describe('RESP2 answers', () => {
  const raw = async (path: string, body?: unknown) => {
    const response = await fetch(redis.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${redis.token}`, 'upstash-response-format': 'resp2' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const type = response.headers.get('content-type')
    return {
      status: response.status,
      type,
      body: Buffer.from(await response.arrayBuffer()).toString('latin1'),
    }
  }
  const binary = 'application/octet-stream'

  it('RESP2 answers are what the engine would send', async () => {
    await expect(raw('/set/k/v')).resolves.toEqual({ status: 200, type: binary, body: '+OK\r\n' })
    await expect(raw('/get/k')).resolves.toMatchObject({ body: '$1\r\nv\r\n' })
    await expect(raw('/get/none')).resolves.toMatchObject({ body: '$-1\r\n' })
    await expect(raw('/exists/k')).resolves.toMatchObject({ body: ':1\r\n' })
    const script = 'return {"OK", 7, false, {"x"}, redis.status_reply("FINE"), string.char(0, 255)}'
    await expect(raw('/', ['EVAL', script, 0])).resolves.toMatchObject({
      body: '*6\r\n$2\r\nOK\r\n:7\r\n$-1\r\n*1\r\n$1\r\nx\r\n+FINE\r\n$2\r\n\u0000\u00ff\r\n',
    })
  })

  it('RESP2 answers have errors in the form of Redis', async () => {
    const error = "-ERR wrong number of arguments for 'get' command\r\n"
    await expect(raw('/get')).resolves.toEqual({ status: 400, type: binary, body: error })
  })

  it('RESP2 answers of a pipeline follow each other', async () => {
    await expect(raw('/pipeline', [['SET', 'k', 'v'], ['GET'], ['GET', 'k']])).resolves.toEqual({
      status: 200,
      type: binary,
      body: "+OK\r\n-ERR wrong number of arguments for 'get' command\r\n$1\r\nv\r\n",
    })
  })

  it('answers of transactions are always JSON', async () => {
    await expect(raw('/multi-exec', [['SET', 'k', 'v']])).resolves.toEqual({
      status: 200,
      type: 'application/json',
      body: '[{"result":"OK"}]',
    })
  })
})

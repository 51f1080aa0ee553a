import { beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
beforeEach(() => redis.flush())

const command = (...body: unknown[]) => rest(redis, '/', { body })

describe('authorisation', () => {
  const paths = ['/', '/pipeline', '/multi-exec', '/set/k/v', '/get/k', '/no/such/thing', '/subscribe/chat']
  const refused = { status: 401, body: { error: 'WRONGPASS invalid or missing auth token' } }

  it.each(paths)('the token is required at %s', async (path) => {
    const body = [['SET', 'k', 'v']]
    await expect(rest(redis, path, { body, headers: { authorization: '' } })).resolves.toMatchObject(refused)
    const wrong = { authorization: `Bearer ${redis.token}x` }
    await expect(rest(redis, path, { body, headers: wrong })).resolves.toMatchObject(refused)
    await expect(
      rest(redis, `${path}?_token=wrong`, { body, headers: { authorization: '' } }),
    ).resolves.toMatchObject(refused)
    await expect(command('EXISTS', 'k')).resolves.toMatchObject({ body: { result: 0 } })
  })

  it('refuses the token under another scheme', async () => {
    const headers = { authorization: `Basic ${redis.token}` }
    await expect(rest(redis, '/ping', { headers })).resolves.toMatchObject(refused)
  })

  it('takes the token from the query too, without making it an argument', async () => {
    const query = `?_token=${redis.token}`
    const headers = { authorization: '' }
    await expect(rest(redis, `/set/k/v${query}`, { headers })).resolves.toMatchObject({ status: 200 })
    const body = [['GET', 'k']]
    await expect(rest(redis, `/pipeline${query}`, { body, headers })).resolves.toMatchObject({
      status: 200,
      body: [{ result: 'v' }],
    })
  })
})

describe('a command as a JSON array', () => {
  it('answers strings, integers, null and nested arrays', async () => {
    await expect(command('SET', 'k', 'v')).resolves.toMatchObject({ status: 200, body: { result: 'OK' } })
    await expect(command('get', 'k')).resolves.toMatchObject({ body: { result: 'v' } })
    await expect(command('GET', 'missing')).resolves.toMatchObject({ body: { result: null } })
    await expect(command('RPUSH', 'l', 'a', 'b')).resolves.toMatchObject({ body: { result: 2 } })
    await expect(command('EVAL', 'return {1, "two", {false, "four"}}', 0)).resolves.toMatchObject({
      body: { result: [1, 'two', [null, 'four']] },
    })
  })

  it('sends numbers and booleans as the text they have in JSON', async () => {
    await command('MSET', 'int', 42, 'float', 0.5, 'yes', true, 'no', false)
    await expect(command('MGET', 'int', 'float', 'yes', 'no')).resolves.toMatchObject({
      body: { result: ['42', '0.5', 'true', 'false'] },
    })
  })

  it.each([
    [['SET', 'k', null], 'ERR null args are not supported'],
    [['SET', 'k', { a: 1 }], 'ERR unsupported arg type: object'],
    [['SET', 'k', ['a']], 'ERR unsupported arg type: array'],
    [[], 'ERR empty command'],
    [[''], 'ERR empty command'],
    [{ command: 'PING' }, 'ERR failed to parse command'],
    ['["PING"', 'ERR failed to parse command'],
    ['', 'ERR failed to parse command'],
  ])('refuses %j', async (body, error) => {
    await expect(rest(redis, '/', { body })).resolves.toMatchObject({ status: 400, body: { error } })
  })

  it("passes the engine's errors on", async () => {
    await command('RPUSH', 'l', 'a')
    await expect(command('GET', 'l')).resolves.toMatchObject({
      status: 400,
      body: { error: 'WRONGTYPE Operation against a key holding the wrong kind of value' },
    })
    await expect(command('GET')).resolves.toMatchObject({
      status: 400,
      body: { error: "ERR wrong number of arguments for 'get' command" },
    })
  })

  it.each([
    ['BLPOP', 'l', 0],
    ['subscribe', 'chat'],
    ['SELECT', 1],
    ['MULTI'],
    ['CONFIG', 'GET', '*'],
    ['SHUTDOWN'],
  ])('refuses %s, which needs a connection of its own or the engine itself', async (name, ...args) => {
    await expect(command(name, ...args)).resolves.toMatchObject({
      status: 400,
      body: { error: `ERR Command is not available: '${String(name).toUpperCase()}'` },
    })
  })

  it('refuses a stream read only when it blocks', async () => {
    await command('XADD', 'block', '1-1', 'field', 'value')
    await expect(command('XREAD', 'BLOCK', 0, 'STREAMS', 'block', '0')).resolves.toMatchObject({
      status: 400,
      body: { error: "ERR Command is not available: 'XREAD BLOCK'" },
    })
    await expect(command('XREAD', 'STREAMS', 'block', '0')).resolves.toMatchObject({
      body: { result: [['block', [['1-1', ['field', 'value']]]]] },
    })
  })

  it('answers ECHO on every engine', async () => {
    await expect(command('ECHO', 'hello')).resolves.toMatchObject({ body: { result: 'hello' } })
    await expect(command('ECHO')).resolves.toMatchObject({ status: 400 })
  })

  it('tells or estimates the memory that a key takes', async () => {
    await command('SET', 'small', 'v')
    await command('SET', 'large', 'v'.repeat(10_000))
    await command(
      'HSET',
      'hash',
      ...Array.from({ length: 200 }, (_, index) => [`field ${index}`, 'v']).flat(),
    )
    const usage = async (...args: string[]): Promise<unknown> => {
      const { body } = await command('MEMORY', 'USAGE', ...args)
      return (body as { result: unknown }).result
    }
    const small = await usage('small')
    expect(small).toBeGreaterThan(0)
    expect(small).toBeLessThan(1_000)
    expect(await usage('large')).toBeGreaterThan(10_000)
    expect(await usage('hash', 'SAMPLES', '0')).toBeGreaterThan(1_500)
    expect(await usage('missing')).toBeNull()
    await expect(command('MEMORY', 'USAGE')).resolves.toMatchObject({ status: 400 })
  })
})

describe('a command as a path', () => {
  it.each(['GET', 'POST', 'PUT'])('runs with %s', async (method) => {
    await expect(rest(redis, '/set/foo/bar/EX/100', { method })).resolves.toMatchObject({
      status: 200,
      body: { result: 'OK' },
    })
    await expect(command('TTL', 'foo')).resolves.toMatchObject({ body: { result: 100 } })
    await expect(rest(redis, '/get/foo', { method })).resolves.toMatchObject({ body: { result: 'bar' } })
  })

  it('runs with HEAD, without a body', async () => {
    await expect(rest(redis, '/set/foo/bar', { method: 'HEAD' })).resolves.toMatchObject({
      status: 200,
      body: undefined,
    })
    await expect(command('GET', 'foo')).resolves.toMatchObject({ body: { result: 'bar' } })
  })

  it('takes the body of a POST as the last argument and the query after it', async () => {
    await rest(redis, '/set/foo?EX=100&NX', { body: '{"a": "ü"}' })
    await expect(command('GET', 'foo')).resolves.toMatchObject({ body: { result: '{"a": "ü"}' } })
    await expect(command('TTL', 'foo')).resolves.toMatchObject({ body: { result: 100 } })
    await expect(rest(redis, '/set/foo?NX', { body: 'other' })).resolves.toMatchObject({
      body: { result: null },
    })
  })

  it('decodes arguments one by one', async () => {
    const key = 'a/b c?d&ü%'
    await rest(redis, `/set/${encodeURIComponent(key)}/${encodeURIComponent('1/2')}`)
    await expect(command('GET', key)).resolves.toMatchObject({ body: { result: '1/2' } })
  })

  it('refuses what it cannot decode', async () => {
    await expect(rest(redis, '/get/%E0%A4%A')).resolves.toMatchObject({
      status: 400,
      body: { error: 'ERR failed to parse command' },
    })
  })
})

describe('what a request may be', () => {
  it.each(['DELETE', 'PATCH', 'OPTIONS'])('refuses %s', async (method) => {
    const { status, headers } = await rest(redis, '/get/k', { method })
    expect(status).toBe(405)
    expect(headers.get('allow')).toBe('GET, HEAD, POST, PUT')
  })

  it.each(['/pipeline', '/multi-exec'])('takes only POST at %s', async (path) => {
    await expect(rest(redis, path, { method: 'GET' })).resolves.toMatchObject({ status: 405 })
  })

  it.each([
    { 'upstash-response-format': 'xml' },
    { 'upstash-response-format': 'resp2', 'upstash-encoding': 'base64' },
  ])('refuses %j', async (headers) => {
    await expect(rest(redis, '/set/k/v', { headers })).resolves.toMatchObject({
      status: 400,
      body: { error: 'ERR unsupported response format or encoding' },
    })
    await expect(command('EXISTS', 'k')).resolves.toMatchObject({ body: { result: 0 } })
  })
})

import { Redis } from '@upstash/redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startUpstashServer } from '@/local/upstash/server'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
beforeEach(async () => {
  await redis.flush()
  redis.upstash.resetCounters()
})
afterEach(() => redis.upstash.faults.clear())

const command = (...body: unknown[]) => rest(redis, '/', { body })
const incremented = async (): Promise<unknown> => (await command('GET', 'n')).body

/** A plain fetch of INCR, nothing else. */
const increment = (init: RequestInit = {}): Promise<Response> =>
  fetch(`${redis.url}/incr/n`, { headers: { authorization: `Bearer ${redis.token}` }, ...init })

/** What a fetch rejected with: the system's code, or the name of the reason; undefined when it did not. */
async function failure(sent: Promise<unknown>): Promise<unknown> {
  const reason = await sent.then(
    () => undefined,
    (error: unknown) => error,
  )
  const { cause, name } = Object(reason) as { cause?: { code?: string }; name?: string }
  return cause?.code ?? name
}

describe('answers on demand', () => {
  it.each([
    ['unauthorized', 401, { error: 'WRONGPASS invalid or missing auth token' }],
    ['rate-limit', 429, { error: 'ERR too many requests' }],
    ['error', 500, { error: 'ERR internal error' }],
    ['wrong-shape', 200, { data: {} }],
  ] as const)(
    '%s: %i in JSON for the next two requests, which have no effect',
    async (kind, status, body) => {
      await redis.upstash.faults.set({ kind, times: 2 })
      for (let round = 0; round < 2; round += 1) {
        const response = await increment()
        expect(response.status).toBe(status)
        await expect(response.json()).resolves.toEqual(body)
      }
      expect(redis.upstash.faults.active).toBeUndefined()
      await expect((await increment()).json()).resolves.toEqual({ result: 1 })
      expect(redis.upstash.counters).toMatchObject({ requests: 3, commands: 1 })
    },
  )

  it.each([
    ['bad-gateway', 502, 'text/html'],
    ['garbage', 200, 'application/json'],
  ] as const)('%s: %i and no JSON until it is cleared', async (kind, status, type) => {
    await redis.upstash.faults.set({ kind })
    for (let round = 0; round < 3; round += 1) {
      const response = await increment()
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe(type)
      await expect(response.json()).rejects.toThrow(SyntaxError)
    }
    await redis.upstash.faults.clear()
    await expect((await increment()).json()).resolves.toEqual({ result: 1 })
  })

  it('quota: every command is refused, wherever it stands', async () => {
    await redis.upstash.faults.set({ kind: 'quota' })
    const error =
      'ERR max requests limit exceeded. Limit: 500000, Usage: 500000. See ' +
      'https://upstash.com/docs/redis/troubleshooting/max_requests_limit for details'
    const body = [
      ['INCR', 'n'],
      ['GET', 'n'],
    ]
    await expect(command('INCR', 'n')).resolves.toMatchObject({ status: 400, body: { error } })
    await expect(rest(redis, '/incr/n')).resolves.toMatchObject({ status: 400, body: { error } })
    await expect(rest(redis, '/pipeline', { body })).resolves.toMatchObject({
      status: 200,
      body: [{ error }, { error }],
    })
    await expect(rest(redis, '/multi-exec', { body })).resolves.toMatchObject({
      status: 400,
      body: { error },
    })
    await expect(rest(redis, '/subscribe/chat')).resolves.toMatchObject({ status: 400, body: { error } })
    await expect(new Redis(redis).incr('n')).rejects.toThrow(/max requests limit exceeded/)
    await redis.upstash.faults.clear()
    await expect(incremented()).resolves.toEqual({ result: null })
  })
})

describe('connections on demand', () => {
  it('refuse: nothing listens until it is cleared', async () => {
    await increment()
    await redis.upstash.faults.set({ kind: 'refuse' })
    for (let round = 0; round < 3; round += 1) expect(await failure(increment())).toBe('ECONNREFUSED')
    await redis.upstash.faults.clear()
    await expect((await increment()).json()).resolves.toEqual({ result: 2 })
  })

  it('refuse: ends what is under way', async () => {
    await redis.upstash.faults.set({ kind: 'hang' })
    const hanging = failure(increment())
    await expect.poll(() => redis.upstash.counters.requests).toBe(1)
    await redis.upstash.faults.set({ kind: 'refuse' })
    expect(await hanging).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/)
  })

  it('refuse: gives way to the next fault, and can be set again', async () => {
    await redis.upstash.faults.set({ kind: 'refuse' })
    await redis.upstash.faults.set({ kind: 'error', times: 1 })
    expect((await increment()).status).toBe(500)
    await redis.upstash.faults.set({ kind: 'refuse' })
    await redis.upstash.faults.set({ kind: 'refuse' })
    expect(await failure(increment())).toBe('ECONNREFUSED')
  })

  it('reset: the connection is reset before anything has happened', async () => {
    await redis.upstash.faults.set({ kind: 'reset', times: 2 })
    for (let round = 0; round < 2; round += 1) expect(await failure(increment())).toBe('ECONNRESET')
    await expect(incremented()).resolves.toEqual({ result: null })
    expect(redis.upstash.counters).toMatchObject({ requests: 3, commands: 1 })
  })

  it('lost-reply: the connection is reset after everything has happened', async () => {
    await redis.upstash.faults.set({ kind: 'lost-reply', times: 1 })
    expect(await failure(increment())).toBe('ECONNRESET')
    await expect(incremented()).resolves.toEqual({ result: '1' })
  })

  it('hang: no effect and no answer, not even when it is cleared, and no hindrance to closing', async () => {
    const server = await startUpstashServer({ redisUrl: redis.engine.url, token: redis.token })
    await server.faults.set({ kind: 'hang' })
    const headers = { authorization: `Bearer ${redis.token}` }
    const hanging = failure(fetch(`${server.url}/incr/n`, { headers }))
    await expect.poll(() => server.counters.requests).toBe(1)
    await server.faults.clear()
    await expect(rest(server, '/get/n')).resolves.toMatchObject({ body: { result: null } })
    await server.close()
    expect(await hanging).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/)
  })

  it('stall: headers and a part of the body, then nothing, though everything has happened', async () => {
    await redis.upstash.faults.set({ kind: 'stall', times: 1 })
    const abort = new AbortController()
    const response = await increment({ signal: abort.signal })
    expect(response.status).toBe(200)
    const reader = response.body?.getReader()
    expect((await reader?.read())?.value?.length).toBeGreaterThan(0)
    const rest = reader?.read()
    await expect(incremented()).resolves.toEqual({ result: '1' })
    abort.abort()
    await expect(rest).rejects.toThrow(/aborted/)
  })

  it('slow: everything has happened long before the answer comes', async () => {
    await redis.upstash.faults.set({ kind: 'slow', ms: 60_000, times: 1 })
    const abort = new AbortController()
    const slow = failure(increment({ signal: abort.signal }))
    await expect.poll(() => incremented()).toEqual({ result: '1' })
    abort.abort()
    expect(await slow).toBe('AbortError')
  })

  it('slow: the answer is the right one when it comes', async () => {
    await redis.upstash.faults.set({ kind: 'slow', ms: 30 })
    await expect((await increment()).json()).resolves.toEqual({ result: 1 })
    await expect((await increment()).json()).resolves.toEqual({ result: 2 })
  })
})

describe('which requests are hit', () => {
  it('are those whose method, path, query or body matches', async () => {
    await redis.upstash.faults.set({ kind: 'error', match: '^POST / \\["set"|_token', times: 2 })
    await expect(command('GET', 'k')).resolves.toMatchObject({ status: 200 })
    await expect(rest(redis, '/pipeline', { body: [['SET', 'k', 1]] })).resolves.toMatchObject({
      status: 200,
    })
    await expect(command('SET', 'k', 2)).resolves.toMatchObject({ status: 500 })
    expect(redis.upstash.faults.active).toMatchObject({ times: 1 })
    await expect(rest(redis, '/get/k?_token=x')).resolves.toMatchObject({ status: 500 })
    await expect(command('GET', 'k')).resolves.toMatchObject({ body: { result: '1' } })
  })
})

describe('the control endpoint', () => {
  const control = (method: string, body?: string) =>
    fetch(`${redis.url}/__local/faults`, { method, ...(body === undefined ? {} : { body }) })

  it('sets, tells and clears without a token, without being counted or hit', async () => {
    const fault = { kind: 'unauthorized', times: 2 }
    const set = await control('POST', JSON.stringify(fault))
    await expect(set.json()).resolves.toEqual({ active: fault })
    expect((await increment()).status).toBe(401)
    await expect((await control('GET')).json()).resolves.toEqual({ active: { ...fault, times: 1 } })
    await expect((await control('DELETE')).json()).resolves.toEqual({ active: null })
    expect((await increment()).status).toBe(200)
    expect(redis.upstash.counters.requests).toBe(2)
  })

  it('refuses connections for a time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const set = await control('POST', '{"kind":"refuse","ms":60000}')
      expect(set.status).toBe(200)
      expect(await failure(increment())).toBe('ECONNREFUSED')
      await vi.advanceTimersByTimeAsync(60_000)
    } finally {
      vi.useRealTimers()
    }
    await expect.poll(() => failure(increment())).toBeUndefined()
    expect(redis.upstash.faults.active).toBeUndefined()
  })

  it.each([
    ['{"kind":"nonsense"}', /kind is "nonsense"; expected one of refuse, .*quota/],
    ['{"kind":"billing"}', /kind is "billing"/],
    ['[]', /kind is undefined/],
    ['{"kind":"error","times":0}', /times must be 1 or more/],
    ['{"kind":"slow","ms":-1}', /ms must be a number of milliseconds/],
    ['{"kind":"error","ms":1}', /ms is for slow and refuse only/],
    ['{"kind":"error","match":"("}', /Invalid regular expression/],
    ['{"kind":"error","status":404}', /status is unknown/],
    ['{"kind":"refuse"}', /refuse needs ms over HTTP/],
    ['{"kind":"refuse","ms":1,"times":1}', /refuse takes neither times nor match/],
    ['{', /JSON/],
  ])('refuses %s', async (body, error) => {
    const response = await control('POST', body)
    expect(response.status).toBe(400)
    await expect(response.json()).resolves.toEqual({ error: expect.stringMatching(error) })
    expect((await increment()).status).toBe(200)
  })

  it('takes no other method', async () => {
    expect((await control('PUT', '{"kind":"error"}')).status).toBe(405)
    expect(redis.upstash.faults.active).toBeUndefined()
  })
})

describe('a fault that makes no sense', () => {
  it('is not set in-process either, and leaves the one before it', async () => {
    await redis.upstash.faults.set({ kind: 'error' })
    await expect(redis.upstash.faults.set({ kind: 'slow', times: 0.5 })).rejects.toThrow(/times/)
    expect(redis.upstash.faults.active).toEqual({ kind: 'error' })
  })
})

import { delay, HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import type { RecordedEvents } from '@/lib/testing/events'
import { cacheFor, settings } from '../../kit/fields/cache'

const server = setupServer()
const pong = () => HttpResponse.json({ result: 'PONG' })
/** Answers the requests in turn, the last answer from then on, and keeps their bodies. */
function answer(...answers: (() => Response | Promise<Response>)[]): {
  bodies: unknown[]
  headers: Headers[]
} {
  const seen = { bodies: [] as unknown[], headers: [] as Headers[] }
  server.use(
    http.post(`${settings.url}/*`, async ({ request }) => {
      seen.bodies.push(await request.clone().json())
      seen.headers.push(request.headers)
      const next = answers[Math.min(seen.bodies.length, answers.length) - 1]
      return next ? next() : HttpResponse.error()
    }),
  )
  return seen
}

let cache: CacheService
let events: RecordedEvents

beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterAll(() => server.close())
afterEach(() => server.resetHandlers())
beforeEach(async () => {
  answer(pong)
  const started = cacheFor(settings, { commandHardTimeoutMs: 60 })
  cache = started.cache
  events = started.events
  await cache.initialize()
})

describe('transport', () => {
  it('a request has no encoding and no telemetry headers, and returns the sync token of the last answer', async () => {
    const seen = answer(() =>
      HttpResponse.json({ result: null }, { headers: { 'upstash-sync-token': 'after-write' } }),
    )
    await cache.get('a')
    await cache.get('a')
    expect(seen.headers[0]?.get('upstash-encoding')).toBeNull()
    expect(seen.headers[0]?.get('upstash-telemetry-sdk')).toBeNull()
    expect(seen.headers[1]?.get('upstash-sync-token')).toBe('after-write')
  })

  it('each command ends at its own deadline when Redis does not answer', async () => {
    answer(async () => {
      await delay('infinite')
      return pong()
    })
    for (const _ of [1, 2]) {
      const result = await cache.attempt((redis) => redis.get('a'))
      expect(result).toMatchObject({
        ok: false,
        error: { code: 'REDIS_TIMEOUT', message: expect.stringContaining('60 ms') },
      })
    }
    answer(() => HttpResponse.json({ result: '"here"' }))
    await expect(cache.get('a')).resolves.toBe('here')
  })

  it('a request ends at its deadline when headers arrive and the body stalls', async () => {
    answer(
      () =>
        new HttpResponse(
          new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{')) }),
        ),
    )
    await expect(cache.attempt((redis) => redis.get('a'))).resolves.toMatchObject({
      error: { code: 'REDIS_TIMEOUT' },
    })
  })

  it('only the first callers wait for a silent Redis, and the process notices by itself when it is back', async () => {
    const seen = answer(async () => {
      await delay('infinite')
      return pong()
    })
    const codes: string[] = []
    for (let caller = 0; caller < 20; caller += 1) {
      const result = await cache.attempt((redis) => redis.get('a'))
      codes.push(result.ok ? 'ok' : result.error.code)
    }
    expect(codes.filter((code) => code === 'REDIS_TIMEOUT')).toHaveLength(5)
    expect(codes.filter((code) => code === 'REDIS_CIRCUIT_OPEN')).toHaveLength(15)
    expect(seen.bodies.filter((body) => JSON.stringify(body) !== '["PING"]')).toHaveLength(5)
    answer(() => HttpResponse.json({ result: '"back"' }))
    await expect.poll(() => cache.get('a')).toBe('back')
  })

  it('a read is repeated after a broken connection or a server error, within the same deadline', async () => {
    const seen = answer(HttpResponse.error, () => HttpResponse.json({ result: '1' }))
    await expect(cache.get('a')).resolves.toBe(1)
    expect(seen.bodies).toEqual([
      ['GET', 'test:v1:a'],
      ['GET', 'test:v1:a'],
    ])
    expect(events.of('redis.retried')).toEqual([
      { type: 'redis.retried', command: 'get', code: 'REDIS_UNREACHABLE' },
    ])
    expect(events.of('redis.requested').at(-1)).toMatchObject({
      command: 'get',
      commands: 2,
      requests: 2,
      code: null,
    })
    answer(
      () => new HttpResponse('<html>', { status: 502 }),
      () => HttpResponse.json({ result: '2' }),
    )
    await expect(cache.get('a')).resolves.toBe(2)
  })

  it('a write is never repeated, nor is a pipeline with a write', async () => {
    const seen = answer(HttpResponse.error)
    await cache.set('a', 1)
    await cache.incr('n')
    await cache.del('a')
    await cache.pipeline((redis) => [redis.get('a'), redis.incr('n')])
    expect(seen.bodies).toHaveLength(4)
  })

  it('a token write is never repeated: it could undo a newer token', async () => {
    const seen = answer(HttpResponse.error)
    const { fieldStore } = cache
    await expect(fieldStore.writeTokens([{ name: 'a', token: 'token' }])).rejects.toThrow()
    await expect(fieldStore.createTokens([{ name: 'a', token: 'token' }])).rejects.toThrow()
    const lease = { name: 'lease', holder: 'token', milliseconds: 1_000 }
    await expect(fieldStore.createTokens([{ name: 'a', token: 'token' }], lease)).rejects.toThrow()
    expect(seen.bodies).toHaveLength(3)
  })

  it('errors of Redis tell unauthorised, quota, size, refusal and nonsense apart', async () => {
    const getErrorCode = async (reply: () => Response) => {
      answer(reply)
      const result = await cache.attempt((redis) => redis.set('a', 1))
      return result.ok ? 'ok' : result.error.code
    }
    const error =
      (text: string, status = 400) =>
      () =>
        HttpResponse.json({ error: text }, { status })
    expect(await getErrorCode(error('WRONGPASS invalid or missing auth token', 401))).toBe(
      'REDIS_UNAUTHORIZED',
    )
    expect(await getErrorCode(error('ERR max requests limit exceeded. Limit: 500000, Usage: 500000'))).toBe(
      'REDIS_QUOTA',
    )
    expect(
      await getErrorCode(error('ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.')),
    ).toBe('REDIS_QUOTA')
    expect(await getErrorCode(error('ERR DB capacity quota exceeded'))).toBe('REDIS_FULL')
    expect(
      await getErrorCode(
        error('ERR max request size exceeded. Limit: 10485760 bytes, Actual: 11000000 bytes'),
      ),
    ).toBe('REDIS_TOO_LARGE')
    expect(
      await getErrorCode(error('WRONGTYPE Operation against a key holding the wrong kind of value')),
    ).toBe('REDIS_COMMAND_FAILED')
    expect(await getErrorCode(() => new HttpResponse('<html>login</html>'))).toBe('REDIS_BAD_REPLY')
    expect(await getErrorCode(() => HttpResponse.json({ unexpected: true }))).toBe('REDIS_BAD_REPLY')
    expect(await getErrorCode(() => HttpResponse.json({}, { status: 429 }))).toBe('REDIS_BAD_REPLY')
    expect(await getErrorCode(HttpResponse.error)).toBe('REDIS_UNREACHABLE')
  })

  it('errors of Redis name the variable of a refused token and the host that does not answer', async () => {
    answer(() => HttpResponse.json({ error: 'WRONGPASS invalid or missing auth token' }, { status: 401 }))
    await expect(cacheFor(settings).cache.initialize()).rejects.toMatchObject({
      message: 'Redis refused the token in UPSTASH_REDIS_REST_TOKEN',
      hint: expect.stringContaining('not the read-only one'),
    })
    answer(HttpResponse.error)
    await expect(cacheFor(settings).cache.initialize()).rejects.toThrow(
      'Nothing usable answers at redis.test',
    )
  })

  it('errors and events of Redis hold no key, no value and no token', async () => {
    answer(() =>
      HttpResponse.json(
        {
          error: `ERR unknown command 'SET', with args beginning with: 'test:v1:patient' 'private value', command was: ["SET"]`,
        },
        { status: 400 },
      ),
    )
    await cache.set('patient', 'private value')
    const told = JSON.stringify(events.all)
    expect(told).toContain('ERR unknown command')
    expect(told).not.toMatch(/private value|patient|the-secret-token/)
  })

  it('a control-flow error of the framework passes a request to Redis without retry, fallback or event', async () => {
    const signal = Object.assign(new Error('Dynamic server usage'), { digest: 'DYNAMIC_SERVER_USAGE' })
    const { cache: rendering, events: told } = cacheFor(
      settings,
      {},
      { isControlFlow: (error) => error === signal },
    )
    answer(pong)
    await rendering.initialize()
    told.all.length = 0
    const original = globalThis.fetch
    let calls = 0
    globalThis.fetch = () => {
      calls += 1
      return Promise.reject(signal)
    }
    try {
      await expect(rendering.get('a')).rejects.toBe(signal)
    } finally {
      globalThis.fetch = original
    }
    expect(calls).toBe(1)
    expect(told.all).toEqual([])
  })

  it('a request to Redis asks for no cached answer, and follows no redirect with its token', async () => {
    const original = globalThis.fetch
    const inits: (RequestInit | undefined)[] = []
    globalThis.fetch = async (_, init) => {
      inits.push(init)
      return new Response(null, { status: 302, headers: { location: 'https://elsewhere.example' } })
    }
    try {
      expect(await cache.attempt((redis) => redis.set('a', 1))).toMatchObject({
        error: { code: 'REDIS_BAD_REPLY' },
      })
    } finally {
      globalThis.fetch = original
    }
    expect(inits).toMatchObject([{ cache: 'no-store', redirect: 'manual' }])
  })

  it.each([
    ['a list for one command', () => HttpResponse.json([]), () => cache.attempt((redis) => redis.get('a'))],
    [
      'a list of results for one command',
      () => HttpResponse.json([{ result: 'x' }]),
      () => cache.attempt((redis) => redis.incr('a')),
    ],
    [
      'one result for a pipeline',
      () => HttpResponse.json({ result: 'x' }),
      async () => (await cache.pipeline((redis) => [redis.get('a')]))[0],
    ],
    [
      'an error that is no text',
      () => HttpResponse.json([{ error: 5 }]),
      async () => (await cache.pipeline((redis) => [redis.get('a')]))[0],
    ],
    [
      'nothing for a command',
      () => HttpResponse.json([null]),
      async () => (await cache.pipeline((redis) => [redis.get('a')]))[0],
    ],
  ])('a command degrades when Redis answers %s', async (_, reply, ask) => {
    answer(reply)
    expect(await ask()).toMatchObject({ ok: false, error: { code: 'REDIS_BAD_REPLY' } })
  })

  it('a read-only token and another service are told apart from a failing database', async () => {
    answer(() =>
      HttpResponse.json(
        { error: "NOPERM this user has no permissions to run the 'set' command" },
        { status: 400 },
      ),
    )
    expect(await cache.attempt((redis) => redis.set('a', 1))).toMatchObject({
      error: { code: 'REDIS_UNAUTHORIZED', hint: expect.stringContaining('read-only') },
    })
    for (const reply of [
      () => HttpResponse.json({ error: 'no such page' }, { status: 404 }),
      () => new HttpResponse('<html>', { status: 503 }),
      () => HttpResponse.json({ result: 'hello' }),
    ]) {
      answer(reply)
      await expect(cacheFor(settings).cache.initialize()).rejects.toThrow(
        'What answers at the URL in UPSTASH_REDIS_REST_URL is not Upstash Redis',
      )
    }
  })

  it('a write that is not answered with OK counts as failed', async () => {
    answer(() => HttpResponse.json({ result: null }))
    await expect(cache.fieldStore.write('entry', 'text', 60)).rejects.toMatchObject({
      code: 'REDIS_BAD_REPLY',
    })
    await expect(cache.fieldStore.writeTokens([{ name: 'token', token: 'x' }])).rejects.toMatchObject({
      code: 'REDIS_BAD_REPLY',
    })
  })

  it('a pipeline reply of another length counts as no reply', async () => {
    answer(() => HttpResponse.json([{ result: 'OK' }]))
    const results = await cache.pipeline((redis) => [redis.set('a', 1), redis.set('b', 2)])
    expect(results).toMatchObject([
      { error: { code: 'REDIS_BAD_REPLY' } },
      { error: { code: 'REDIS_BAD_REPLY' } },
    ])
  })

  it('the transport counts requests, commands, bytes and failures', async () => {
    const before = { ...cache.counters }
    answer(() =>
      HttpResponse.json([{ result: '1' }, { error: 'ERR value is not an integer or out of range' }]),
    )
    const results = await cache.pipeline((redis) => [redis.get('a'), redis.incr('b')])
    expect(results).toMatchObject([
      { ok: true, value: 1 },
      { ok: false, error: { code: 'REDIS_COMMAND_FAILED' } },
    ])
    expect(cache.counters.requests - before.requests).toBe(1)
    expect(cache.counters.commands - before.commands).toBe(2)
    expect(cache.counters.bytesSent - before.bytesSent).toBe(
      '[["GET","test:v1:a"],["INCR","test:v1:b"]]'.length,
    )
    expect(cache.counters.bytesReceived).toBeGreaterThan(before.bytesReceived)
    answer(HttpResponse.error)
    await cache.set('a', 1)
    expect(cache.counters.failures).toBe(before.failures + 1)
  })

  it('a request to Redis that takes longer than the limit is reported', async () => {
    const { cache: measured, events: told } = cacheFor(settings, {
      slowCommandMs: 1,
      commandHardTimeoutMs: 2_000,
    })
    answer(pong)
    await measured.initialize()
    answer(async () => {
      await delay(5)
      return HttpResponse.json({ result: null })
    })
    await measured.get('a')
    expect(told.of('redis.slow').at(-1)).toMatchObject({ command: 'get', limitMs: 1 })
  })
})

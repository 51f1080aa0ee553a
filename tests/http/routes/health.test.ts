import { beforeAll, describe, expect, it } from 'vitest'
import { GET } from '@/app/api/health/route'
import { GET as getSeedPath } from '@/app/health/route'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import { summarizeStatus } from '@/lib/http/routes/serviceHealth'
import { defaultPorts, type Ports } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { manualClock } from '@/lib/testing/clock'
import { setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const ADMIN = 'admin-token-of-the-tests'
const METRICS = 'metrics-token-of-the-tests'
const health = (headers: Record<string, string> = {}, query = '') =>
  GET(new Request(`http://localhost/api/health${query}`, { headers }))

const redis = redisForThisFile()
const clock = manualClock()
let refusesWrites = false
const refuseWrites = (refused: boolean) => {
  refusesWrites = refused
}

/** Redis as it is, or one that is full. */
const fetchFromRedis: Ports['fetch'] = async (url, init) => {
  const isWrite = new TextDecoder().decode(init.body as Uint8Array).includes('"SET"')
  if (!refusesWrites || !isWrite) return defaultPorts.fetch(url, init)
  const error = "OOM command not allowed when used memory > 'maxmemory'."
  return Response.json({ error }, { status: 400 })
}

beforeAll(async () => {
  setProcessState('ports', { ...defaultPorts, clock, fetch: fetchFromRedis })
  setEnvironment({
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    CACHE_COMMAND_TIMEOUT_MS: '2000',
    CACHE_CB_RECOVERY_TIMEOUT: '20',
    AIRTABLE_API_KEY: 'pat',
    ADMIN_TOKEN: ADMIN,
    METRICS_TOKEN: METRICS,
  })
})

describe('GET /api/health', () => {
  it('answers only the status without a token, and the state of each service with one', async () => {
    const response = await health()
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
    expect(response.headers.get('cache-control')).toContain('no-store')
    for (const token of [ADMIN, METRICS]) {
      expect(await (await health({ authorization: `Bearer ${token}` })).json()).toEqual({
        status: 'ok',
        checkedAt: expect.any(String),
        services: { cache: { ok: true, latencyMs: expect.any(Number) }, airtable: { ok: true } },
        cron: expect.objectContaining({ ok: true }),
        redis: { ok: true, breaker: 'closed', errors: {}, p95Ms: null },
        sources: { ok: true, airtable: { bases: [] } },
        webhooks: { ok: true, configured: 0, checkedAt: null, webhooks: [] },
      })
    }
    expect(getSeedPath).toBe(GET)
  })

  it('pings Redis at most once in 30 s', async () => {
    clock.advance(31_000)
    redis.upstash.resetCounters()
    await Promise.all(Array.from({ length: 50 }, () => health()))
    expect(redis.upstash.counters.commands).toBe(1)
    clock.advance(29_000)
    await health()
    expect(redis.upstash.counters.commands).toBe(1)
  })

  it('sends no ping while there is traffic', async () => {
    const cache = await serviceRegistry.getService('cache')
    await health()
    redis.upstash.resetCounters()
    for (let minute = 0; minute < 20; minute += 1) {
      clock.advance(29_000)
      await cache.get('anything')
      expect((await health()).status).toBe(200)
    }
    expect(redis.upstash.counters.byCommand).toEqual({ GET: 20 })
  })

  it('counts a refused command as a sign of life, and pings after a failed one', async () => {
    const cache = await serviceRegistry.getService('cache')
    clock.advance(31_000)
    await cache.attempt(() => cache.redis.exec(['INCR']))
    redis.upstash.resetCounters()
    expect([(await health()).status, redis.upstash.counters.byCommand]).toEqual([200, {}])
    clock.advance(31_000)
    await redis.upstash.faults.set({ kind: 'error', times: 1 })
    await cache.attempt((commands) => commands.incr('a'))
    await health()
    expect(redis.upstash.counters.byCommand).toEqual({ PING: 1 })
  })

  it('answers degraded while Redis is down, 503 to monitors, says why only with the token, and recovers', async () => {
    await redis.killEngine()
    clock.advance(31_000)
    const response = await health()
    expect([response.status, await response.json()]).toEqual([200, { status: 'degraded' }])
    expect((await health({}, '?strict=1')).status).toBe(503)
    expect((await health({}, '?strict=0')).status).toBe(200)
    const detailed = await (await health({ authorization: `Bearer ${ADMIN}` })).json()
    expect(detailed).toMatchObject({
      status: 'degraded',
      services: {
        cache: {
          ok: false,
          code: expect.stringMatching(/^REDIS_(?!CIRCUIT_OPEN)/),
          message: expect.any(String),
          hint: expect.any(String),
        },
      },
    })
    await redis.reviveEngine()
    await expect
      .poll(async () => {
        clock.advance(31_000)
        return (await health()).status
      })
      .toBe(200)
  })

  it('answers degraded while Redis refuses writes, and tries one each 30 s', async () => {
    const cache = await serviceRegistry.getService('cache')
    const detailed = async () => (await health({ authorization: `Bearer ${ADMIN}` })).json()
    refuseWrites(true)
    await cache.set('a', 1)
    const since = new Date(clock.now()).toISOString()
    clock.advance(20_000)
    // A read that is answered proves nothing.
    await cache.get('a')
    redis.upstash.resetCounters()
    expect(await detailed()).toMatchObject({
      status: 'degraded',
      services: { cache: { ok: false, code: 'REDIS_FULL', since, hint: expect.any(String) } },
      redis: { ok: false, refusedWrites: { code: 'REDIS_FULL', since } },
    })
    expect(redis.upstash.counters.byCommand.SET).toBeUndefined()
    clock.advance(11_000)
    expect([(await health()).status, await (await health()).json()]).toEqual([200, { status: 'degraded' }])
    refuseWrites(false)
    expect(await (await health()).json()).toEqual({ status: 'degraded' })
    clock.advance(31_000)
    expect(await (await health()).json()).toEqual({ status: 'ok' })
    expect(redis.upstash.counters.byCommand.SET).toBe(1)
  })
})

describe('the status of an instance', () => {
  it.each([
    ['ok', true, true],
    ['degraded', false, true],
    ['unavailable', true, false],
    ['unavailable', false, false],
  ])('the status is %s when the cache is %s and the source is %s', (status, cache, airtable) => {
    expect(summarizeStatus({ cache: { ok: cache }, airtable: { ok: airtable } })).toBe(status)
  })
})

import { beforeAll, describe, expect, it } from 'vitest'
import { GET } from '@/app/api/health/route'
import { GET as getSeedPath } from '@/app/health/route'
import { defaultPorts } from '@/lib/core-services/cache/engine/ports'
import { setProcessState } from '@/lib/core-services/cache/engine/processState'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import { manualClock } from '@/lib/testing/clock'
import { setEnvironment } from '../support/environment'
import { redisForThisFile } from '../support/redisSuite'

const ADMIN = 'admin-token-of-the-tests'
const METRICS = 'metrics-token-of-the-tests'
const health = (headers: Record<string, string> = {}) =>
  GET(new Request('http://localhost/api/health', { headers }))

const redis = redisForThisFile()
const clock = manualClock()

beforeAll(async () => {
  setProcessState('ports', { ...defaultPorts, clock })
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
  it('answers one word to strangers, and the state of each service to holders of the token', async () => {
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

  it('pings Redis at most once in 30 s, whatever the traffic', async () => {
    clock.advance(31_000)
    redis.upstash.resetCounters()
    await Promise.all(Array.from({ length: 50 }, () => health()))
    expect(redis.upstash.counters.commands).toBe(1)
    clock.advance(29_000)
    await health()
    expect(redis.upstash.counters.commands).toBe(1)
  })

  it('needs no ping while traffic tells enough', async () => {
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

  it('takes a command that Redis refuses for a sign of life, and asks after one that failed', async () => {
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

  it('answers 503 while Redis is down, says why only with the token, and recovers', async () => {
    await redis.killEngine()
    clock.advance(31_000)
    const response = await health()
    expect([response.status, await response.json()]).toEqual([503, { status: 'unavailable' }])
    const detailed = await (await health({ authorization: `Bearer ${ADMIN}` })).json()
    expect(detailed).toMatchObject({
      services: { cache: { ok: false, code: expect.stringMatching(/^REDIS_/), message: expect.any(String) } },
    })
    await redis.reviveEngine()
    await expect
      .poll(async () => {
        clock.advance(31_000)
        return (await health()).status
      })
      .toBe(200)
  })
})

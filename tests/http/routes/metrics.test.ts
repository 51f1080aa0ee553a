import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { GET as getCacheHealth } from '@/app/api/health/cache/route'
import { GET as getSeedPath } from '@/app/api/health/services/cache/route'
import { GET as getMetrics } from '@/app/api/metrics/route'
import {
  countEvent,
  createProcessMetrics,
  getMetricsSnapshot,
  readMetrics,
} from '@/lib/core-services/metrics/metricsService'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { defaultPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { manualClock } from '@/lib/testing/clock'
import { setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { parsePrometheusText } from '../../kit/text/prometheusText'

const ADMIN = 'admin-token-of-the-tests'
const METRICS = 'metrics-token-of-the-tests'

const redis = redisForThisFile()
const read = { type: 'field.read', field: 'agents', status: 'hit', ageSeconds: 1, durationMs: 3 } as const

const clock = manualClock()
let deferred: (() => Promise<void>)[]

beforeAll(() => {
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

beforeEach(async () => {
  await redis.flush()
  deferred = []
  setProcessState('ports', {
    ...defaultPorts,
    clock,
    emit: countEvent,
    defer: (work: () => Promise<void>) => deferred.push(work),
  })
  setProcessState('metrics', createProcessMetrics())
  setEnvironment({ CACHE_METRICS_ENABLED: undefined })
})

const asked = (token?: string) =>
  new Request('http://localhost/', token ? { headers: { authorization: `Bearer ${token}` } } : {})

async function told(...events: FieldCacheEvent[]): Promise<void> {
  for (const event of events) countEvent(event)
  for (const work of deferred.splice(0)) await work()
}

describe('the doors', () => {
  it.each([
    ['/api/metrics', getMetrics],
    ['/api/health/cache', getCacheHealth],
  ])('%s opens only for the metrics token and the admin token', async (_, get) => {
    for (const token of [METRICS, ADMIN]) expect((await get(asked(token))).status).toBe(200)
    for (const token of [undefined, 'wrong', `${METRICS}x`]) {
      const response = await get(asked(token))
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ code: 'UNAUTHORIZED' })
    }
  })

  it('metrics and health stay closed while neither token is set', async () => {
    setEnvironment({ ADMIN_TOKEN: undefined, METRICS_TOKEN: undefined })
    for (const token of [undefined, METRICS, ADMIN]) expect((await getMetrics(asked(token))).status).toBe(401)
    setEnvironment({ ADMIN_TOKEN: ADMIN, METRICS_TOKEN: METRICS })
  })

  it('serves the health of the cache at its other path too', () => {
    expect(getSeedPath).toBe(getCacheHealth)
  })
})

describe('GET /api/metrics', () => {
  it('the metrics are text that must not be cached, and cost one command', async () => {
    await told(read)
    redis.upstash.resetCounters()
    const response = await getMetrics(asked(METRICS))
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(response.headers.get('cache-control')).toContain('no-store')
    const families = parsePrometheusText(await response.text())
    expect(families.get('field_cache_reads_total')?.samples[0]).toMatchObject({ value: 1 })
    expect(redis.upstash.counters.byCommand).toEqual({ HMGET: 1 })
  })

  it('answers 200 while Redis is down, and says that it is not complete', async () => {
    await told(read)
    await redis.killEngine()
    const response = await getMetrics(asked(METRICS))
    const families = parsePrometheusText(await response.text())
    await redis.reviveEngine()
    expect(response.status).toBe(200)
    expect(families.get('field_cache_metrics_complete')?.samples).toMatchObject([{ value: 0 }])
    expect(families.has('field_cache_reads_total')).toBe(false)
  })
})

describe('readMetrics', () => {
  it('reads metrics from Redis at most once in 5 s', async () => {
    await told(read)
    redis.upstash.resetCounters()
    await Promise.all([readMetrics(), readMetrics(), getMetricsSnapshot()])
    clock.advance(4_900)
    await readMetrics()
    expect(redis.upstash.counters.commands).toBe(1)
    clock.advance(100)
    await readMetrics()
    expect(redis.upstash.counters.commands).toBe(2)
  })

  it('keeps the older name of the hit rate', async () => {
    await told(read, { ...read, status: 'miss' })
    expect((await getMetricsSnapshot()).performance.hitRate).toBe(0.5)
  })

  it('knows what this process alone has counted while Redis is down', async () => {
    await redis.killEngine()
    countEvent(read)
    const { scope, total, windows, fields } = await readMetrics()
    await redis.reviveEngine()
    expect(scope).toBe('process')
    expect([total.fields.reads.hit, windows['5m'].fields.hitRate, fields.agents?.total.reads.hit]).toEqual([
      1, 1, 1,
    ])
  })

  it('returns zeros without a command while metrics are turned off', async () => {
    setEnvironment({ CACHE_METRICS_ENABLED: 'false' })
    redis.upstash.resetCounters()
    const { enabled, total } = await readMetrics()
    expect([enabled, total.fields.reads.hit, redis.upstash.counters.commands]).toEqual([false, 0, 0])
  })
})

describe('GET /api/health/cache', () => {
  const health = async () => {
    const response = await getCacheHealth(asked(METRICS))
    return { status: response.status, body: await response.json() }
  }

  it('answers the reasons of the status and all metrics', async () => {
    await told(read)
    expect(await health()).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        services: { cache: { ok: true }, airtable: { ok: true } },
        redis: { ok: true, breaker: 'closed', errors: {} },
        cron: { ok: true, expected: true, lastRun: null },
        metrics: { scope: 'deployment', total: { fields: { reads: { hit: 1 } } } },
      },
    })
  })

  it('is degraded, with 200, when the cron has not run for too long', async () => {
    const cron = {
      type: 'cron.finished',
      durationMs: 5,
      webhooks: [],
      unfinished: 0,
      refreshed: 1,
      fresh: 0,
      skipped: 0,
      failed: 0,
    } as const
    await told(cron)
    clock.advance(26 * 3_600_000)
    expect((await health()).body).toMatchObject({ status: 'ok', cron: { ok: true, silentSeconds: 93_600 } })
    clock.advance(60_000)
    expect(await health()).toMatchObject({ status: 200, body: { status: 'degraded', cron: { ok: false } } })
    await told(cron)
    expect((await health()).body).toMatchObject({ cron: { ok: false } })
    clock.advance(5_000)
    expect((await health()).body).toMatchObject({
      status: 'ok',
      cron: { ok: true, lastRun: { outcome: 'ok' } },
    })
  })
})

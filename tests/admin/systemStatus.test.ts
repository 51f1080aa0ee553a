import { describe, expect, it } from 'vitest'
import type { CronHealth } from '@/lib/admin/cronHealth'
import { buildPlots } from '@/lib/admin/plots'
import { cronPart, redisPart, sourcePart } from '@/lib/admin/systemStatus'
import type { BaseState } from '@/lib/core-services/airtable/rate-limit/rateLimiter'
import type { MetricsSnapshot } from '@/lib/core-services/metrics/snapshot'

const HOUR_MS = 3_600_000

/** What of a snapshot the parts look at. */
function snapshot({
  breaker = 'closed' as MetricsSnapshot['breaker'],
  redisErrors = {} as Record<string, number>,
  requests = 0,
  airtableErrors = {} as Record<string, number>,
  monthlyUsd = null as number | null,
} = {}): MetricsSnapshot {
  const window = {
    fields: {
      hitRate: 0.5,
      readLatency: { p95Ms: 3 },
      sourceCalls: 4,
      refreshes: { cron: { failed: 1 }, miss: { failed: 2 } },
    },
    system: {
      redis: { latency: { p95Ms: 12 }, errors: redisErrors, commands: 1_000 },
      airtable: { requests, errors: airtableErrors },
    },
  }
  const point = { at: 1, seconds: 60, reads: 2, hitRate: 1, p50Ms: 1, p95Ms: 2, sourceCalls: 3 }
  return {
    breaker,
    bill: { monthlyUsd },
    windows: { '1h': window, '24h': window },
    series: { minutes: [{ ...point, sourceFailures: 0, redisCommands: 5, redisErrors: 0 }], hours: [] },
  } as unknown as MetricsSnapshot
}
const base = (coolDown: BaseState['coolDown'] = null, waiting: number | null = 0): BaseState => ({
  base: 'app1',
  inUse: 0,
  waiting,
  coolDown,
})

describe('the status of Redis', () => {
  it('Redis is ok while it answers, with its estimated bill', () => {
    const part = redisPart(
      null,
      snapshot({ monthlyUsd: 0.4, redisErrors: { REDIS_TIMEOUT: 2, REDIS_UNREACHABLE: 1 } }),
    )
    expect(part.state).toBe('ok')
    expect(Object.fromEntries(part.facts.map(({ name, value }) => [name, value]))).toMatchObject({
      'Answers within': '12 ms',
      'Failed in the last hour': '3',
      'Estimated bill': '$0.40 a month',
    })
  })

  it('Redis is a warning while the circuit of a server is open, and bad when it does not answer', () => {
    expect(redisPart(null, snapshot({ breaker: 'open' })).state).toBe('warn')
    expect(redisPart('REDIS_TIMEOUT', snapshot({ breaker: 'open' })).state).toBe('bad')
  })
})

describe('the status of a Redis that refuses requests', () => {
  const refusing = (code: string) => ({ ...snapshot(), takenAt: 300_000, refusedWrites: { code, since: 0 } })

  it.each([
    ['REDIS_FULL', 'It is full and takes no new values. '],
    ['REDIS_READ_ONLY', 'It is a read-only copy and takes no new values. '],
    ['REDIS_CANNOT_PERSIST', 'It cannot save its data and takes no new values. '],
    ['REDIS_UNAUTHORIZED', 'Our token may only read, so it takes no new values. '],
  ])('%s on writes is bad, with the time since when writes are refused', (code, words) => {
    const { state, summary, facts } = redisPart(null, refusing(code))
    expect([state, facts[0]]).toEqual(['bad', { name: 'Refuses writes', value: 'for 5 min' }])
    expect(summary.startsWith(words)).toBe(true)
    expect(facts).toContainEqual({ name: 'Failed in the last hour', value: 'not counted' })
  })

  it.each([
    ['REDIS_LOADING', 'It is loading its data'],
    ['REDIS_QUOTA', 'Its plan allows no more commands'],
    ['REDIS_UNAUTHORIZED', 'It does not accept our token'],
    ['REDIS_TIMEOUT', 'It does not answer'],
  ])('%s on requests is bad, and named before refused writes', (failure, words) => {
    const { state, summary } = redisPart(failure, refusing('REDIS_FULL'))
    expect([state, summary.startsWith(words)]).toEqual(['bad', true])
  })
})

describe('the status of Airtable', () => {
  it.each([
    ['ok', 'It was not needed', sourcePart([], snapshot())],
    ['ok', 'It answers', sourcePart([base()], snapshot({ requests: 5 }))],
    [
      'warn',
      'Airtable does not accept our key',
      sourcePart(
        [],
        snapshot({ requests: 9, airtableErrors: { AIRTABLE_TIMEOUT: 1, AIRTABLE_UNAUTHORIZED: 5 } }),
      ),
    ],
    [
      'warn',
      'gets none for another 25 s',
      sourcePart([base({ why: 'rate-limit', seconds: 25 })], snapshot({ requests: 5 })),
    ],
    [
      'bad',
      'monthly allowance',
      sourcePart(
        [base({ why: 'rate-limit', seconds: 25 }), base({ why: 'quota', seconds: 9_000 })],
        snapshot(),
      ),
    ],
  ])('Airtable is %s: %s', (state, words, part) => {
    expect(part.state).toBe(state)
    expect(part.summary).toContain(words)
  })
})

describe('the status of the cron', () => {
  const run = {
    at: 0,
    outcome: 'ok' as const,
    durationMs: 1_500,
    refreshed: 2,
    fresh: 0,
    skipped: 0,
    failed: 0,
    webhooks: [],
  }
  const health = (rest: Partial<CronHealth> = {}): CronHealth => ({
    ok: true,
    expected: true,
    lastRun: run as unknown as CronHealth['lastRun'],
    silentSeconds: 60,
    maxSilenceSeconds: 90_000,
    ...rest,
  })

  it.each([
    ['off', 'No field', cronPart(health({ expected: false }), HOUR_MS)],
    ['ok', 'not run yet', cronPart(health({ lastRun: null }), HOUR_MS)],
    ['ok', 'went well', cronPart(health(), HOUR_MS)],
    [
      'warn',
      'could not renew',
      cronPart(health({ lastRun: { ...run, outcome: 'failed', failed: 1 } as never }), HOUR_MS),
    ],
    ['bad', 'has not run for 47 h', cronPart(health({ ok: false, silentSeconds: 47 * 3_600 }), HOUR_MS)],
  ])('the cron is %s: %s', (state, words, part) => {
    expect(part.state).toBe(state)
    expect(part.summary).toContain(words)
  })

  it('the cron shows when it last ran and what it did', () => {
    expect(cronPart(health(), HOUR_MS).facts).toEqual([
      { name: 'Last run', value: '1 h ago' },
      { name: 'It took', value: '1.5 s' },
      { name: 'Refreshed', value: '2' },
      { name: 'Failed', value: '0' },
    ])
  })
})

it('plots have the points of a period and its totals', () => {
  const { hour, day } = buildPlots(snapshot())
  expect(hour).toEqual({
    points: [{ at: 1, hitRate: 1, p95Ms: 2, sourceCalls: 3, sourceFailures: 0, redisCommands: 5 }],
    hitRate: 0.5,
    p95Ms: 3,
    sourceCalls: 4,
    sourceFailures: 3,
    redisCommands: 1_000,
  })
  expect(day.points).toEqual([])
})

import { describe, expect, it } from 'vitest'
import { cronHealth } from '@/lib/admin/cronHealth'
import { emptyCounts, keepLast } from '@/lib/core-services/metrics/counts'
import type { InstanceMetrics, Slot, StoredMetrics } from '@/lib/core-services/metrics/metricsStore'
import { summarize } from '@/lib/core-services/metrics/snapshot'
import type { BreakerState } from '@/lib/shared/events'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Half past noon, and half a minute. */
const NOW = Date.UTC(2026, 5, 1, 12, 30, 30)

const own: InstanceMetrics = { id: 'me', seenAt: NOW, startedAt: NOW - HOUR, breaker: 'closed', locks: 1 }
const deployment = { enabled: true, scope: 'deployment' } as const

/** `minutesAgo`, `hoursAgo`: hits of the field `a` in slots that begin so long before the one under way. */
function storedMetrics(
  {
    minutesAgo = {},
    hoursAgo = {},
  }: Record<'minutesAgo' | 'hoursAgo', Record<number, number>> | Record<string, never>,
  rest: Partial<StoredMetrics> = {},
): StoredMetrics {
  const slots = (count: number, milliseconds: number, hits: Record<number, number>): Slot[] =>
    Array.from({ length: count }, (_, index) => {
      const ago = count - 1 - index
      const sums = new Map(hits[ago] === undefined ? [] : [['read:a:hit', hits[ago]] as const])
      return { at: (Math.floor(NOW / milliseconds) - ago) * milliseconds, seconds: milliseconds / 1000, sums }
    })
  return {
    since: NOW - 2 * DAY,
    total: emptyCounts(),
    live: [],
    minutes: slots(61, MINUTE, minutesAgo),
    hours: slots(25, HOUR, hoursAgo),
    ...rest,
  }
}

describe('windows of a snapshot', () => {
  it('a window holds the current slot and as many complete ones as it is long', () => {
    const minutesAgo = { 0: 1, 5: 10, 6: 100, 60: 1_000 }
    const { windows, fields } = summarize(
      storedMetrics(
        { minutesAgo, hoursAgo: { 0: 5, 24: 50 } },
        { total: { ...emptyCounts(), sums: new Map([['read:a:hit', 9]]) } },
      ),
      own,
      NOW,
      deployment,
    )
    const hits = (window: '5m' | '1h' | '24h') => windows[window].fields.reads.hit
    expect([hits('5m'), hits('1h'), hits('24h')]).toEqual([11, 1_111, 55])
    expect(fields.a?.windows['5m'].reads.hit).toBe(11)
    expect(fields.a?.total.reads.hit).toBe(9)
  })

  it('performance shows the last 5 minutes under the names of the forerunners, with 0 where there is nothing', () => {
    const { performance } = summarize(
      storedMetrics({ minutesAgo: { 0: 30, 5: 300 }, hoursAgo: {} }),
      own,
      NOW,
      deployment,
    )
    expect(performance).toMatchObject({ hitRate: 1, errorRate: 0, operationsPerSecond: 1 })
    expect(summarize(storedMetrics({}), own, NOW, deployment).performance).toEqual({
      hitRate: 0,
      errorRate: 0,
      operationsPerSecond: 0,
      p95LatencyMs: 0,
      p99LatencyMs: 0,
    })
  })
})

it('series are without gaps, oldest first', () => {
  const { series } = summarize(
    storedMetrics({ minutesAgo: { 2: 7 }, hoursAgo: { 24: 8 } }),
    own,
    NOW,
    deployment,
  )
  expect([series.minutes.length, series.hours.length]).toEqual([61, 25])
  expect(series.minutes.at(-3)).toMatchObject({
    at: NOW - 30_000 - 2 * MINUTE,
    seconds: 60,
    reads: 7,
    hitRate: 1,
  })
  expect(series.minutes.at(-1)).toMatchObject({ reads: 0, hitRate: null, p95Ms: null })
  expect(series.hours[0]).toMatchObject({ seconds: 3_600, reads: 8 })
})

describe('the estimated bill', () => {
  const spent = (commands: number, since: number) => {
    const stored = storedMetrics({}, { since })
    const hours = stored.hours.with(-1, {
      ...(stored.hours.at(-1) as Slot),
      sums: new Map([
        ['redis:cmd', commands],
        ['cmd:a', commands / 2],
      ]),
    })
    const total = { ...emptyCounts(), sums: new Map([['cmd:a', commands / 2]]) }
    return summarize({ ...stored, hours, total }, own, NOW, deployment)
  }

  it('the bill scales the known time to 30 days at the price of the vendor', () => {
    const { bill, fields } = spent(24_508, NOW - 2 * DAY)
    // The window of 24 hours began at a full hour: 24 h 30 min 30 s ago.
    expect(bill.monthlyCommands).toBe(Math.round((24_508 * 30 * DAY) / (24.5 * HOUR + 30_000)))
    expect(bill.monthlyUsd).toBeCloseTo(((bill.monthlyCommands ?? 0) / 100_000) * 0.2, 4)
    expect(fields.a?.monthlyUsd).toBeCloseTo((bill.monthlyUsd ?? 0) / 2, 6)
    expect(spent(1_000, NOW - HOUR).bill.monthlyCommands).toBe(720_000)
  })

  it('no bill is estimated from less than ten minutes', () => {
    const { bill, fields } = spent(1_000, NOW - 9 * MINUTE)
    expect([bill.monthlyCommands, bill.monthlyUsd, fields.a?.monthlyUsd]).toEqual([null, null, null])
  })
})

describe('instances in a snapshot', () => {
  const instance = (id: string, seenAt: number, breaker: BreakerState, locks: number) => {
    return { id, seenAt, startedAt: NOW - DAY, breaker, locks }
  }

  it('instances are those of the last 5 minutes; the answering one shows its own state', () => {
    const live = [
      instance('me', NOW - MINUTE, 'open', 9),
      instance('other', NOW - 2 * MINUTE, 'half-open', 2),
      instance('gone', NOW - 6 * MINUTE, 'open', 5),
    ]
    const { instances, breaker, activeLocks } = summarize(storedMetrics({}, { live }), own, NOW, deployment)
    expect(instances).toEqual([
      own,
      { id: 'other', seenAt: NOW - 2 * MINUTE, startedAt: NOW - DAY, breaker: 'half-open', locks: 2 },
    ])
    expect([breaker, activeLocks]).toEqual(['half-open', 3])
  })
})

describe('last events in a snapshot', () => {
  const total = emptyCounts()
  keepLast(total, 'success:a', NOW - HOUR, ['cron', 30, 900, 7, 'stored'])
  keepLast(total, 'failure:a', NOW - MINUTE, ['stale', 10_000, 'SOURCE_TIMEOUT'])
  keepLast(total, 'success:b', NOW, ['miss', 1, 4, '', 'unstored'])
  keepLast(total, 'flawed:a', NOW - MINUTE, [1, 3, 'recA', 'recB'])
  for (const field of ['a', 'b']) total.sums.set(`read:${field}:hit`, 1)
  keepLast(total, 'cron', NOW - 3 * HOUR, ['failed', 4_000, 2, 1, 0, 1, 3])
  const snapshot = summarize(storedMetrics({}, { total }), own, NOW, deployment)

  it('each field shows its last events, and the cron its last run', () => {
    expect(snapshot.fields.a).toMatchObject({
      lastSuccess: { at: NOW - HOUR, reason: 'cron', durationMs: 30, bytes: 900, items: 7, stored: true },
      lastFailure: { at: NOW - MINUTE, reason: 'stale', durationMs: 10_000, code: 'SOURCE_TIMEOUT' },
      lastFlaws: { at: NOW - MINUTE, unreadable: 1, errors: 3, ids: ['recA', 'recB'] },
    })
    expect(snapshot.fields.b).not.toHaveProperty('lastFlaws')
    expect(snapshot.fields.b).toMatchObject({
      lastSuccess: { items: null, stored: false },
      lastFailure: null,
    })
    expect(snapshot.lastCronRun).toEqual({
      at: NOW - 3 * HOUR,
      outcome: 'failed',
      durationMs: 4_000,
      refreshed: 2,
      fresh: 1,
      skipped: 0,
      failed: 1,
      unfinished: 3,
    })
  })

  const expectations = { expected: true, maxSilenceHours: 2 }

  it('the cron is overdue when its last run is longer ago than allowed', () => {
    expect(cronHealth(snapshot, expectations)).toMatchObject({
      ok: false,
      expected: true,
      silentSeconds: 10_800,
    })
    expect(cronHealth(snapshot, { ...expectations, maxSilenceHours: 3 })).toMatchObject({ ok: true })
  })

  it('the cron is overdue when it has never run although there was time', () => {
    const never = (since: number) => summarize(storedMetrics({}, { since }), own, NOW, deployment)
    expect(cronHealth(never(NOW - 3 * HOUR), expectations)).toMatchObject({ ok: false, lastRun: null })
    expect(cronHealth(never(NOW - HOUR), expectations)).toMatchObject({ ok: true })
  })

  it('the cron counts as healthy without work, or while not all numbers are known', () => {
    expect(cronHealth(snapshot, { ...expectations, expected: false })).toMatchObject({ ok: true })
    expect(cronHealth({ ...snapshot, scope: 'process' }, expectations)).toMatchObject({
      ok: true,
      silentSeconds: null,
    })
    expect(cronHealth({ ...snapshot, enabled: false }, expectations)).toMatchObject({
      ok: true,
      silentSeconds: null,
    })
  })
})

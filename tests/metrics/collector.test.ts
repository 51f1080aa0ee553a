import { describe, expect, it } from 'vitest'
import { createCollector } from '@/lib/core-services/metrics/collector'
import { getLast } from '@/lib/core-services/metrics/counts'
import { aggregate, listFields, toFieldTraffic } from '@/lib/core-services/metrics/snapshot'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { manualClock } from '@/lib/testing/clock'

const clock = manualClock()

function collect(...events: FieldCacheEvent[]) {
  const collector = createCollector(() => clock)
  for (const event of events) collector.record(event)
  return collector
}

const readEvent = (field: string, status: 'hit' | 'miss' | 'stale' | 'refreshed' | 'degraded' | 'cooldown') =>
  ({ type: 'field.read', field, status, ageSeconds: 1, durationMs: 3 }) as const

describe('reads in the collector', () => {
  it('reads are counted by status and duration, for their field and for all fields', () => {
    const { counts } = collect(readEvent('a', 'hit'), readEvent('a', 'miss'), readEvent('b', 'hit'))
    const { fields } = aggregate(counts.sums)
    expect(fields.reads).toMatchObject({ hit: 2, miss: 1 })
    expect(toFieldTraffic(counts.sums, 'a').reads).toMatchObject({ hit: 1, miss: 1 })
    expect(fields.readLatency).toMatchObject({ count: 3, sumMs: 9, p50Ms: 3.75 })
  })

  it('the hit rate leaves out forced reads, and falls with failed ones', () => {
    const served = [
      readEvent('a', 'hit'),
      readEvent('a', 'stale'),
      readEvent('a', 'cooldown'),
      readEvent('a', 'refreshed'),
    ]
    const waited = [readEvent('a', 'miss'), readEvent('a', 'degraded')]
    const failed = { type: 'field.failed', field: 'a', code: 'SOURCE_FAILED', durationMs: 1 } as const
    const { fields } = aggregate(collect(...served, ...waited, failed).counts.sums)
    expect(fields.hitRate).toBe(3 / 6)
    expect(fields.failedReads).toBe(1)
    expect(aggregate(new Map()).fields.hitRate).toBeNull()
  })
})

describe('refreshes in the collector', () => {
  it('refreshes are counted by reason and outcome, and the last success and failure are kept', () => {
    const finished = {
      type: 'refresh.finished',
      field: 'a',
      reason: 'cron',
      durationMs: 30.4,
      bytes: 900,
    } as const
    const { counts } = collect(
      { type: 'refresh.started', field: 'a', reason: 'cron' },
      { ...finished, items: 7, stored: true },
      { type: 'refresh.started', field: 'a', reason: 'miss' },
      {
        type: 'refresh.failed',
        field: 'a',
        reason: 'miss',
        durationMs: 9,
        code: 'SOURCE_TIMEOUT',
        message: 'm',
      },
      { ...finished, field: 'b', items: null, stored: false },
      { type: 'refresh.paused', field: 'b', reason: 'cron', durationMs: 9, done: 'page 3' },
    )
    const { fields } = aggregate(counts.sums)
    expect(toFieldTraffic(counts.sums, 'a')).toMatchObject({
      sourceCalls: 2,
      refreshes: { cron: { stored: 1, failed: 0 }, miss: { failed: 1 } },
    })
    expect(fields.refreshes.cron).toEqual({ stored: 1, unstored: 1, failed: 0, paused: 1 })
    expect(fields.refreshLatency.count).toBe(3)
    expect(getLast(counts, 'success:a')).toEqual([clock.now(), 'cron', '30', '900', '7', 'stored'])
    expect(getLast(counts, 'failure:a')).toEqual([clock.now(), 'miss', '9', 'SOURCE_TIMEOUT'])
    expect(getLast(counts, 'success:b')).toEqual([clock.now(), 'cron', '30', '900', '', 'unstored'])
  })
})

describe('the system below the fields', () => {
  it('Redis commands, bytes and errors, the breaker, locks, Airtable and changes are counted', () => {
    const request = {
      type: 'redis.requested',
      command: 'mget',
      requests: 1,
      bytesSent: 10,
      bytesReceived: 20,
    } as const
    const { counts } = collect(
      { ...request, commands: 1, durationMs: 2, code: null },
      { ...request, commands: 4, requests: 2, durationMs: 260, code: 'REDIS_TIMEOUT' },
      { type: 'redis.retried', command: 'mget', code: 'REDIS_UNREACHABLE' },
      { type: 'breaker.changed', from: 'closed', to: 'open' },
      { type: 'lock.acquired', names: ['cron'], attempts: 1, durationMs: 1 },
      { type: 'lock.refused', names: ['cron'], attempts: 1, durationMs: 1 },
      { type: 'field.invalidated', guards: ['tag:a', 'tag:b'] },
      { type: 'airtable.requested', code: null },
      { type: 'airtable.requested', code: 'AIRTABLE_RATE_LIMITED' },
      { type: 'webhook.pinged', webhook: 'ach1', base: 'app1', replayed: false },
      { type: 'webhook.processed', webhook: 'ach1', base: 'app1', cause: 'ping', durationMs: 1 },
      { type: 'field.synced', field: 'a', how: 'records', why: null, records: 1, pending: 0 },
    )
    expect(aggregate(counts.sums).system).toMatchObject({
      redis: {
        commands: 5,
        requests: 3,
        bytesSent: 20,
        bytesReceived: 40,
        retries: 1,
        errors: { REDIS_TIMEOUT: 1 },
        latency: { count: 2, sumMs: 262 },
      },
      breakerTransitions: { open: 1, closed: 0 },
      locks: { acquired: 1, refused: 1, lost: 0 },
      invalidations: 1,
      airtable: { requests: 2, errors: { AIRTABLE_RATE_LIMITED: 1 } },
      webhooks: { pinged: 1, drained: 1, failed: 0, dead: 0 },
      changes: { records: 1, all: 0 },
    })
  })

  it.each([
    [{ refreshed: 2, fresh: 1, skipped: 1, failed: 0 }, 'alive', 'ok'],
    [{ refreshed: 2, fresh: 0, skipped: 0, failed: 1 }, 'alive', 'failed'],
    [{ refreshed: 2, fresh: 0, skipped: 0, failed: 0 }, 'failed', 'failed'],
    [{ refreshed: 0, fresh: 0, skipped: 3, failed: 0 }, 'alive', 'ok'],
    [{ refreshed: 0, fresh: 0, skipped: 2, failed: 0, unfinished: 1 }, null, 'ok'],
    [{ refreshed: 0, fresh: 0, skipped: 3, failed: 0 }, null, 'skipped'],
  ] as const)(
    'a run of the cron with %o and a webhook that is %s counts as %s',
    (fields, webhook, outcome) => {
      const webhooks = webhook ? [{ webhook: 'ach1', base: null, outcome: webhook, drained: true }] : []
      const { counts } = collect({
        type: 'cron.finished',
        durationMs: 1_234.5,
        unfinished: 0,
        ...fields,
        webhooks,
      })
      expect(aggregate(counts.sums).system.cronRuns).toEqual({ ok: 0, failed: 0, skipped: 0, [outcome]: 1 })
      expect(getLast(counts, 'cron') === null).toBe(outcome === 'skipped')
    },
  )
})

describe('field names in the collector', () => {
  it('field names that are keys, which may contain ids, are counted together as other', () => {
    const { counts } = collect(
      readEvent('orders:account:4711', 'hit'),
      readEvent('Not A Name', 'hit'),
      readEvent('x'.repeat(61), 'hit'),
    )
    expect(listFields(counts.sums)).toEqual(['other'])
    expect(JSON.stringify([...counts.sums])).not.toMatch(/4711|orders/)
  })

  it('a process counts 100 field names separately, over all batches, and the rest together', () => {
    const collector = createCollector(() => clock)
    for (let index = 0; index < 250; index += 1) {
      collector.record(readEvent(`field-${index}`, 'hit'))
      if (index === 150) collector.take()
    }
    collector.record(readEvent('field-99', 'hit'))
    const { sums } = collector.counts
    expect(listFields(sums).map((name) => [name, toFieldTraffic(sums, name).reads.hit])).toEqual([
      ['other', 99],
      ['field-99', 1],
    ])
  })
})

it('events of a process on its own account are counted, but are no reason for a report', () => {
  const collector = createCollector(() => clock)
  const own = { type: 'redis.requested', command: 'eval', commands: 3, requests: 1, bytesSent: 1 } as const
  expect(collector.record({ ...own, bytesReceived: 1, durationMs: 1, code: null })).toBe(false)
  expect(collector.record({ type: 'lease.taken', field: 'a' })).toBe(false)
  expect(collector.record(readEvent('a', 'hit'))).toBe(true)
})

it('the last flawed records are kept with at most five of their ids', () => {
  const ids = Array.from({ length: 9 }, (_, index) => `rec${index}`)
  const flawed = { type: 'source.flawed', field: 'a', records: 20, why: 'TypeError' } as const
  const collector = createCollector(() => clock)
  expect(collector.record({ ...flawed, unreadable: 7, erroneous: 2, errors: 3, ids })).toBe(true)
  expect(getLast(collector.counts, 'flawed:a')).toEqual([clock.now(), '7', '3', ...ids.slice(0, 5)])
})

import { describe, expect, it } from 'vitest'
import { allRow, fieldRow } from '@/lib/admin/fieldRow'
import type { FieldState } from '@/lib/core-services/cache/operations/fieldStates'
import type { AllRun, FieldRun } from '@/lib/core-services/cache/operations/refreshLog'
import type { FieldMetrics } from '@/lib/core-services/metrics/snapshot'
import { field } from '../kit/fields/fieldProcess'

const NOW = 10_000_000
const agents = field<unknown>(async () => [], { ttl: 60 })

const state = (rest: Partial<FieldState> = {}): FieldState => ({
  name: 'agents',
  condition: 'fresh',
  fetchedAt: NOW - 10_000,
  freshUntil: NOW + 50_000,
  servedUntil: NOW + 50_000,
  storedBytes: 500,
  fetching: false,
  cooling: null,
  ...rest,
})
const run = (rest: Partial<FieldRun> = {}): FieldRun => ({
  startedAt: NOW - 5_000,
  endedAt: NOW - 4_000,
  until: NOW + 60_000,
  outcome: 'refreshed',
  failure: null,
  durationMs: 900,
  items: 3,
  bytes: 1_000,
  progress: null,
  before: null,
  ...rest,
})
const failed = run({
  outcome: 'failed',
  failure: { code: 'AIRTABLE_TIMEOUT', message: 'late', hint: 'wait' },
  durationMs: null,
  items: null,
})
/** What others have counted; the traffic does not matter here. */
const counted = (rest: Pick<FieldMetrics, 'lastSuccess' | 'lastFailure' | 'lastFlaws'>): FieldMetrics => {
  const window = {
    reads: { hit: 3, miss: 1 },
    hitRate: 0.75,
    readLatency: { p95Ms: 2 },
    sourceCalls: 1,
    redisCommands: 7,
  }
  return { ...rest, monthlyUsd: null, windows: { '24h': window } } as unknown as FieldMetrics
}
const row = (
  ...[given, begun = null, metrics = null]: [FieldState | null, (FieldRun | null)?, (FieldMetrics | null)?]
) => fieldRow({ field: agents, state: given, run: begun, metrics, now: NOW })

describe('the status of a field', () => {
  it.each([
    ['fresh', row(state())],
    ['stale', row(state({ condition: 'stale' }))],
    ['expired', row(state({ condition: 'degraded' }))],
    ['expired', row(state({ condition: 'invalidated' }))],
    ['expired', row(state({ condition: 'absent', fetchedAt: null }), run())],
    ['never-fetched', row(state({ condition: 'absent', fetchedAt: null }))],
    ['unknown', row(null)],
    ['refreshing', row(state({ fetching: true }))],
    ['refreshing', row(null, run({ endedAt: null, outcome: null }))],
    ['failing', row(state(), failed)],
    ['failing', row(state({ cooling: 'SOURCE_FAILED' }))],
    ['fresh', row(state({ fetchedAt: NOW - 1_000 }), failed)],
    ['fresh', row(state(), run({ endedAt: null, outcome: null, until: NOW - 1 }))],
  ] as const)('is %s', (status, { status: found }) => {
    expect(found).toBe(status)
  })
})

describe('last success and failure of a field', () => {
  it('the last success is the latest of stored value, metrics and refresh by hand', () => {
    const others = counted({
      lastSuccess: { at: NOW - 2_000, reason: 'cron', durationMs: 700, bytes: 900, items: 2, stored: true },
      lastFailure: { at: NOW - 3_000, reason: 'cron', durationMs: 5, code: 'SOURCE_TIMEOUT' },
    })
    expect(row(state(), failed, others)).toMatchObject({
      status: 'fresh',
      lastSuccess: { at: NOW - 2_000, durationMs: 700, items: 2, bytes: 900 },
      lastFailure: { at: NOW - 3_000, code: 'SOURCE_TIMEOUT', message: null },
    })
    expect(row(state(), run(), null)).toMatchObject({
      lastSuccess: { at: NOW - 4_000, items: 3, bytes: 1_000 },
    })
    // Another instance has fetched it since, and not reported yet.
    expect(row(state({ fetchedAt: NOW - 1_000 }), run())).toMatchObject({
      lastSuccess: { at: NOW - 1_000, durationMs: null, items: null },
    })
  })

  it('a refresh that failed keeps the success before it', () => {
    const before = { at: NOW - 9_000, durationMs: 800, items: 7, bytes: 70 }
    expect(row(state({ fetchedAt: NOW - 11_000 }), { ...failed, before }).lastSuccess).toEqual(before)
  })

  it('an answer that Redis did not store is no success', () => {
    const unstored = counted({
      lastSuccess: { at: NOW, reason: 'cron', durationMs: 1, bytes: 1, items: 1, stored: false },
      lastFailure: null,
    })
    expect(row(state(), null, unstored).lastSuccess?.at).toBe(NOW - 10_000)
  })

  it('the last failure has the reason and the hint of a refresh by hand', () => {
    expect(row(state(), failed)).toMatchObject({
      lastFailure: { at: NOW - 4_000, code: 'AIRTABLE_TIMEOUT', message: 'late', hint: 'wait' },
      run: { state: 'failed' },
    })
  })
})

it('a field shows flawed records until a later value should have been read without them', () => {
  const flawedAt = (at: number) =>
    counted({
      lastSuccess: null,
      lastFailure: null,
      lastFlaws: { at, unreadable: 1, errors: 0, ids: ['recA'] },
    })
  expect(row(state(), null, flawedAt(NOW - 59_000)).flaws).toMatchObject({ unreadable: 1, ids: ['recA'] })
  expect(row(state(), null, flawedAt(NOW - 61_000))).not.toHaveProperty('flaws')
})

it('a field shows its age, the rest of its ttl, and its last 24 hours', () => {
  const others = counted({ lastSuccess: null, lastFailure: null })
  expect(row(state(), null, others)).toMatchObject({
    age: 10,
    ttl: 60,
    freshFor: 50,
    traffic: { reads: 4, hitRate: 0.75, p95Ms: 2, sourceCalls: 1, redisCommands: 7, monthlyUsd: null },
  })
  expect(row(state({ freshUntil: NOW - 5_000 })).freshFor).toBe(-5)
})

it('a refresh of all fields shows its progress, and whether its process died', () => {
  const all: AllRun = {
    startedAt: NOW - 5_000,
    endedAt: null,
    until: NOW + 1,
    names: ['a', 'b'],
    outcomes: { a: 'refreshed' },
    current: 'b',
  }
  expect(allRow(all, NOW)).toMatchObject({ state: 'running', total: 2, done: 1, current: 'b' })
  expect(allRow(all, NOW + 1).state).toBe('cut-off')
  expect(allRow({ ...all, endedAt: NOW }, NOW).state).toBe('ended')
})

import { describe, expect, it } from 'vitest'
import { judge } from '@/bench/chaos/judging/judge'
import type { Sample } from '@/bench/chaos/load'
import type { Phase, RunRecord } from '@/bench/chaos/run'

const CLEAN = { strange: [], leaking: [], ended: [], leasedFetches: 0, refreshes: [] }

const calm: Phase = {
  fault: undefined,
  redis: 'works',
  source: 'works',
  from: 0,
  endedAt: 10_000,
  recoveredAt: 10_000,
  to: 10_000,
  upstream: 10,
  lost: [],
}

const fault: Phase = { ...calm, fault: 'source 500', source: 'fails', endedAt: 9_000, recoveredAt: 9_500 }

/** Versions 1, 2 and 3, known from 0, 2,000 and 4,000 ms on. */
const edits = [1, 2, 3].map((version) => ({ version, since: (version - 1) * 2_000 }))

/** Of the field with a ttl of 1 s, 2 s of stale answers and a memoryTtl of 1 s. */
const read = (sentAt: number, given: Partial<Sample> = {}): Sample => ({
  operation: 'read',
  field: 'shop-window',
  server: 'a',
  sentAt,
  doneAt: sentAt + 5,
  status: 200,
  cache: 'miss',
  version: 3,
  failure: undefined,
  cut: false,
  ...given,
})

const refresh = (sentAt: number, given: Partial<Sample> = {}): Sample =>
  read(sentAt, { operation: 'refresh', cache: 'refreshed', ...given })

const problems = (samples: readonly Sample[], phase = calm, record: Partial<RunRecord> = {}) =>
  judge({ phases: [phase], samples, edits, servers: 3, output: CLEAN, ...record }).problems

describe('the judge of a chaos run', () => {
  it('lets a run pass that keeps the contract', () => {
    expect(problems([refresh(4_100), read(5_200), read(9_999)])).toEqual([])
  })

  it.each<[string, readonly Sample[], number]>([
    ['a value older than an acknowledged refresh', [refresh(4_100), read(5_200, { version: 2 })], 1],
    ['the same within memoryTtl', [refresh(4_100), read(5_000, { version: 2 })], 0],
    ['the same, marked as degraded', [refresh(4_100), read(5_200, { version: 2, cache: 'degraded' })], 0],
    [
      'the same after a refresh that was refused',
      [refresh(4_100, { status: 503 }), read(5_200, { version: 2 })],
      0,
    ],
    ['the same of another field', [refresh(4_100, { field: 'back-office' }), read(5_200, { version: 2 })], 0],
    [
      'a value older than an acknowledged invalidation',
      [
        read(4_100, { operation: 'invalidate', field: '*', status: 204, version: null }),
        read(6_000, { version: 2 }),
      ],
      1,
    ],
    ['a refresh that answers with an older value', [refresh(4_100, { version: 2 })], 1],
    ['a hit within its ttl', [read(4_999, { version: 2, cache: 'hit' })], 0],
    ['a hit past its ttl', [read(5_000, { version: 2, cache: 'hit' })], 1],
    ['a stale answer within its window', [read(6_999, { version: 2, cache: 'stale' })], 0],
    ['a stale answer past its window', [read(7_000, { version: 2, cache: 'stale' })], 1],
  ])('counts as old or not: %s', (_, samples, count) => {
    const { calm: row } = judge({ phases: [calm], samples, edits, servers: 3, output: CLEAN })
    expect(row.oldValues).toBe(count)
  })

  it('finds a failed read, unless its server was killed', () => {
    const failed = { status: 0, cache: null, version: null, failure: 'ECONNRESET' }
    expect(problems([read(100, { ...failed, cut: true })])).toEqual([])
    expect(problems([read(100, failed)])).toEqual([
      'calm: 1 failed reads\n    server a, read shop-window: 0 ECONNRESET (sent at 100 ms, answered after 5 ms)',
    ])
  })

  it('counts requests that a fault has caught as its own', () => {
    const phases = [
      { ...calm, to: 1_000 },
      { ...fault, from: 1_000 },
    ]
    const samples = [read(998, { status: 502, cache: null, version: null, failure: 'SOURCE_FAILED' })]
    const verdict = judge({ phases, samples, edits, servers: 3, output: CLEAN })
    expect([verdict.calm.failedReads, verdict.rows[0]?.failedReads]).toEqual([0, 1])
  })

  it('counts calls of a failing source by cool-downs and refreshes, not by reads', () => {
    const samples = [refresh(100), ...Array.from({ length: 100 }, (_, index) => read(index * 90))]
    const { allowedUpstream = 0 } =
      judge({ phases: [fault], samples, edits, servers: 3, output: CLEAN }).rows[0] ?? {}
    // Two fields with 2 cool-downs of 2 fetches each and one lifetime or two after it, the refresh, the surprise; what
    // fails is tried three times.
    expect(allowedUpstream).toBe(3 * 2 * (2 * 2) + (2 + 1) + 3 * 2 + 3 * 2)
    expect(problems(samples, { ...fault, upstream: allowedUpstream })).toEqual([])
    expect(problems(samples, { ...fault, upstream: allowedUpstream + 1 })).toEqual([
      `source 500: ${allowedUpstream + 1} calls of the source, ${allowedUpstream} allowed`,
    ])
  })

  it('counts fetches that wait as a phase begins towards its allowance', () => {
    const allowed = (...refreshes: { from: number; to: number }[]) =>
      judge({ phases: [calm], samples: [], edits, servers: 3, output: { ...CLEAN, refreshes } }).calm
        .allowedUpstream
    const [before, during] = [
      { from: -900, to: -1 },
      { from: 10, to: 400 },
    ]
    expect(allowed(before, during, { from: -900, to: 300 })).toBe(allowed() + 1)
  })

  it('counts calls without Redis by server, lifetime and 30 s, not by reads', () => {
    const outage: Phase = { ...fault, fault: 'redis refused', redis: 'fails', source: 'works' }
    const samples = Array.from({ length: 100 }, (_, index) => read(index * 90))
    const { allowedUpstream = 0 } =
      judge({ phases: [outage], samples, edits, servers: 3, output: CLEAN }).rows[0] ?? {}
    // A field that lives for 1 s, one that lives for longer than the outage, and the surprise.
    expect(allowedUpstream).toBe(3 * (11 + 1) + 3 * (1 + 1) + 2)
  })

  it('finds what is no longer stored, servers that stay without hits, and what servers print', () => {
    const broken: Phase = { ...fault, lost: ['back-office'], recoveredAt: null }
    const output = { ...CLEAN, strange: ['a: Error: boom'], leaking: ['b'], ended: ['c'], leasedFetches: 2 }
    expect(problems([], { ...broken, fault: 'lease holder killed' }, { output })).toEqual([
      'lease holder killed: not every server answered hits again',
      'lease holder killed: no longer stored: back-office',
      'printed no event:\n    a: Error: boom',
      'a secret in the output of b',
      'ended by itself: c',
      '2 fetches replaced that of the killed lease holder, not 1',
    ])
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { redisCircuitOpen } from '@/lib/core-services/cache/errors'
import type { Batch, MetricsStore } from '@/lib/core-services/metrics/metricsStore'
import { createReporter, type MetricsReporter } from '@/lib/core-services/metrics/reporter'
import { aggregate } from '@/lib/core-services/metrics/snapshot'
import { type ManualClock, manualClock } from '@/lib/testing/clock'

const read = { type: 'field.read', field: 'a', status: 'hit', ageSeconds: 1, durationMs: 3 } as const
const request = {
  type: 'redis.requested',
  command: 'mget',
  commands: 1,
  requests: 1,
  bytesSent: 1,
  bytesReceived: 1,
  durationMs: 1,
  code: null,
} as const

let clock: ManualClock
let reports: { number: number; hits: number }[]
let outage: boolean
let failures: unknown[]
let deferred: (() => Promise<void>)[]
let timers: { milliseconds: number; work: () => void }[]
let reporter: MetricsReporter

const countHits = ({ counts }: Pick<Batch, 'counts'>) => aggregate(counts.sums).fields.reads.hit

beforeEach(() => {
  clock = manualClock()
  reports = []
  outage = false
  failures = []
  deferred = []
  timers = []
  const store: Pick<MetricsStore, 'add'> = {
    async add(batch) {
      if (outage) throw redisCircuitOpen()
      reports.push({ number: batch.number, hits: countHits(batch) })
      return 3
    },
  }
  reporter = createReporter({
    store: async () => store as MetricsStore,
    ports: () => ({ clock, defer: (work) => deferred.push(work) }),
    later: (milliseconds, work) => timers.push({ milliseconds, work }),
    describeSelf: () => ({ id: 'me', seenAt: 0, startedAt: 0, breaker: 'closed', locks: 0 }),
    onFailure: (error) => failures.push(error),
  })
})

/** What runs after answers, or when a timer has run out. */
async function finish(): Promise<void> {
  for (const work of deferred.splice(0)) await work()
}

async function fireTimers(): Promise<void> {
  for (const { work } of timers.splice(0)) work()
  await finish()
}

describe('reports of counts', () => {
  it('the first report follows the answer at once, with everything counted until then', async () => {
    reporter.record(read)
    reporter.record(read)
    expect([reports, deferred.length]).toEqual([[], 1])
    await finish()
    expect(reports).toEqual([{ number: 1, hits: 2 }])
  })

  it('a busy instance reports once in 15 s, however much it counted', async () => {
    for (let second = 0; second <= 60; second += 1) {
      for (let count = 0; count < 10; count += 1) {
        reporter.record(request)
        reporter.record(read)
      }
      await finish()
      clock.advance(1_000)
    }
    expect(reports.map(({ hits }) => hits)).toEqual([10, 150, 150, 150, 150])
  })

  it('an instance that sends few commands to Redis reports once a minute', async () => {
    for (let second = 0; second <= 180; second += 1) {
      if (second % 10 === 0) reporter.record(request)
      reporter.record(read)
      await finish()
      clock.advance(1_000)
    }
    expect(reports.map(({ hits }) => hits)).toEqual([1, 60, 60, 60])
  })

  it('a timer reports when no answer follows', async () => {
    reporter.record(read)
    await finish()
    clock.advance(5_000)
    reporter.record(read)
    reporter.record(read)
    await finish()
    expect(timers.map(({ milliseconds }) => milliseconds)).toEqual([55_000])
    clock.advance(55_000)
    await fireTimers()
    expect(reports.map(({ hits }) => hits)).toEqual([1, 2])
    expect(timers).toEqual([])
  })

  it('the next answer reports where a timer could not run, as in a frozen process', async () => {
    reporter.record(read)
    await finish()
    reporter.record(read)
    clock.advance(600_000)
    reporter.record(read)
    await finish()
    expect(reports.map(({ hits }) => hits)).toEqual([1, 2])
    await fireTimers()
    expect(reports).toHaveLength(2)
  })

  it('counts are reported although the platform dropped the work after the answer', async () => {
    reporter.record(read)
    deferred.length = 0
    clock.advance(60_000)
    reporter.record(read)
    await finish()
    expect(reports).toEqual([{ number: 1, hits: 2 }])
  })
})

it('an idle process reports nothing: its own requests and the cost of reports are no reason', async () => {
  reporter.record(read)
  await finish()
  for (let minute = 0; minute < 60; minute += 1) {
    reporter.record({ ...request, commands: 3 })
    clock.advance(60_000)
    await fireTimers()
    await finish()
  }
  expect(reports).toHaveLength(1)
  const { system } = aggregate(reporter.unreported().sums)
  expect([system.redis.commands, system.metricsCommands]).toEqual([180, 3])
})

describe('reports while Redis cannot be reached', () => {
  it('counts are kept and reported later: the old batch under its number, then the rest', async () => {
    outage = true
    reporter.record(read)
    await finish()
    for (let round = 0; round < 10; round += 1) {
      clock.advance(60_000)
      reporter.record(read)
      await finish()
    }
    expect(reports).toEqual([])
    expect(failures).toHaveLength(11)
    expect(countHits({ counts: reporter.unreported() })).toBe(11)
    outage = false
    clock.advance(60_000)
    await fireTimers()
    clock.advance(60_000)
    await fireTimers()
    expect(reports).toEqual([
      { number: 1, hits: 1 },
      { number: 2, hits: 10 },
    ])
    expect(countHits({ counts: reporter.unreported() })).toBe(0)
  })

  it('failing reports are not more frequent than others', async () => {
    outage = true
    for (let second = 0; second < 240; second += 1) {
      reporter.record(read)
      await finish()
      clock.advance(1_000)
    }
    expect(failures).toHaveLength(4)
  })
})

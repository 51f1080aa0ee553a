/** What the cron begins, and in which order, when a run has not time for all. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { FetchContext } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import {
  type MaintenanceReport,
  refreshDueFields,
} from '@/lib/core-services/cache/operations/scheduledRefresh'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../kit/clock/deferred'
import { field } from '../../kit/fields/fieldProcess'

const DAY_MS = 86_400_000
const test = await createTestCache()
let begun: string[]
beforeEach(() => {
  test.reset()
  test.runtime.refreshTimeoutMs = 25_000
  begun = []
})

/** A field whose source takes 4 s. */
function slow(name: string, { fails = false, refreshEvery = 43_200, pauses = false } = {}) {
  const fetcher = async ({ pause }: FetchContext): Promise<unknown> => {
    begun.push(name)
    test.clock.advance(4_000)
    if (fails) throw new Error('down')
    return pauses ? pause(`${begun.length}`, `part ${begun.length}`) : name
  }
  return { ...field(fetcher), name, key: `key:${name}`, ttl: 86_400, refreshEvery }
}
const named = (count: number) => Array.from({ length: count }, (_, index) => `field-${index}`)
const run = (fields: readonly ReturnType<typeof slow>[], budgetMs = 295_000, told: string[] = []) => {
  const maintain = async (): Promise<MaintenanceReport> => ({ webhooks: [], due: new Set(told) })
  return refreshDueFields(fields, { budgetMs, enabled: true, maintain }, test.runtime)
}

describe('a scheduled run with more fields than time', () => {
  it('refreshes each field within two daily runs, though values have expired by the next one', async () => {
    const fields = named(90).map((name) => slow(name))
    await run(fields)
    test.clock.advance(DAY_MS)
    const report = await run(fields)
    expect(new Set(begun).size).toBe(90)
    expect(report.fields.map(({ name }) => name)).toEqual(named(90))
  })

  it('lets fields that fail each time neither block others nor lose their own turn', async () => {
    const fields = named(90).map((name, index) => slow(name, { fails: index < 70 }))
    const attempted: string[][] = []
    for (let day = 0; day < 4; day += 1) {
      begun = []
      await run(fields)
      attempted.push(begun)
      test.clock.advance(DAY_MS)
    }
    expect(new Set(attempted.slice(0, 2).flat()).size).toBe(90)
    expect(new Set(attempted.slice(2).flat()).size).toBe(90)
  })

  it('does not begin each time with a field that was cut off between two parts of its source', async () => {
    const fields = [slow('endless', { pauses: true }), slow('short')]
    await run(fields, 60_000)
    test.clock.advance(DAY_MS)
    begun = []
    await run(fields, 60_000)
    expect(begun[0]).toBe('short')
  })

  it('begins with fields that a webhook has announced and those overdue by a whole interval', async () => {
    const fields = [
      slow('first'),
      slow('told', { refreshEvery: DAY_MS }),
      slow('overdue', { refreshEvery: 3_600 }),
    ]
    await run(fields)
    test.clock.advance(50_000_000)
    begun = []
    await run(fields, 295_000, ['told'])
    expect(begun).toEqual(['told', 'overdue', 'first'])
  })

  it('reaches the other fields, too, when webhooks announce the same ones each time', async () => {
    const fields = [...named(80), 'quiet'].map((name) => slow(name))
    await run(fields, 1_000_000)
    begun = []
    for (let day = 0; day < 3; day += 1) {
      test.clock.advance(DAY_MS)
      await run(fields, 295_000, named(80))
    }
    expect(begun).toContain('quiet')
  })

  it('spends one command on the states of all fields and two on past attempts', async () => {
    const fields = named(30).map((name) => slow(name))
    await run(fields)
    test.clock.advance(1_000)
    const before = test.counters.requests
    await run(fields)
    // The lock takes two, the looks and the attempts one each.
    expect(test.counters.requests - before).toBe(4)
  })
})

describe('the time that a scheduled run reserves for a field', () => {
  it.each([
    ['that may take 60 s is not begun with 20 s left', 60_000, 20_000, 0],
    ['that takes 1 s at most is begun with 5 s left', 1_000, 5_000, 1],
  ])('%s', async (_, timeoutMs, budgetMs, calls) => {
    await run([{ ...slow('one'), advanced: { timeoutMs } } as ReturnType<typeof slow>], budgetMs)
    expect(begun).toHaveLength(calls)
  })

  it('includes the rest of a force of that field which is under way', async () => {
    const gate = deferred<unknown>()
    const one = slow('one')
    const forced = forceRefresh(test.runtime, { ...one, fetcher: () => gate.promise }, 'force')
    const report = await run([one], 40_000)
    expect(report.fields).toMatchObject([{ outcome: 'skipped', reason: 'out-of-time' }])
    gate.resolve('value')
    await forced
    test.clock.advance(DAY_MS)
    expect((await run([one], 40_000)).fields).toMatchObject([{ outcome: 'refreshed' }])
  })

  it('is checked again before each further part', async () => {
    const spy = vi.fn()
    const one = slow('one', { pauses: true })
    const fetcher = async (context: FetchContext) => {
      spy()
      return one.fetcher(context)
    }
    await run([{ ...one, fetcher }], 40_000)
    // 40, 36, 32 and 28 s left; not with 24 s, of which one may take 25.
    expect(spy).toHaveBeenCalledTimes(4)
  })
})

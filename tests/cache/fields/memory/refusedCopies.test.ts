/** A copy in memory that the schema of a reader refuses, while Redis is not there or slow: it is as good as none. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { codedError } from '@/lib/shared/errors'
import { createTestCache, type TestCache } from '@/lib/testing/testCache'

const fetcher = vi.fn(async () => ({ name: 'Ana' }))
const old: FieldCacheConfig<unknown> = {
  schema: z.string(),
  name: 'people',
  key: 'people',
  ttl: 3_600,
  fetcher: async () => 'Ana',
}
const people: FieldCacheConfig<unknown> = { ...old, fetcher, schema: z.object({ name: z.string() }) }

let test: TestCache
const read = (config = people) => test.read(config)
const contended = () => test.events.of('field.contended')

beforeEach(async () => {
  fetcher.mockReset().mockResolvedValue({ name: 'Ana' })
  test = await createTestCache()
  await read(old)
  test.clock.advance(1_000)
})

describe.each([
  ['that is down', () => test.down()],
  ['behind an open circuit', () => test.cache.breaker.forceOpen()],
  ['that answers too late', () => test.slow(2_000)],
])('over a Redis %s', (_, fail) => {
  beforeEach(() => fail())

  it('costs one fetch in 30 s, and no read of it begins anew', async () => {
    const statuses: string[] = []
    for (let second = 0; second < 20; second += 1) {
      const { data, status } = await read()
      expect(data).toEqual({ name: 'Ana' })
      statuses.push(status)
      test.clock.advance(1_000)
      await test.backgroundWork()
    }
    expect(statuses).toEqual(['miss', ...Array(19).fill('degraded')])
    expect(fetcher).toHaveBeenCalledTimes(1)
    expect(contended()).toEqual([])
  })

  it('leaves a failing source alone for its cool-down', async () => {
    fetcher.mockRejectedValue(codedError('AIRTABLE_FAILED', 'down', { retryAfter: 20 }))
    await expect(read()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    const end = test.clock.monotonic() + 18_000
    while (test.clock.monotonic() < end) {
      await expect(read()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
      test.clock.advance(1_000)
      await test.backgroundWork()
    }
    expect(fetcher).toHaveBeenCalledTimes(1)
    expect(contended()).toEqual([])
  })

  it('costs sixty callers at once one fetch', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => read()))
    expect(answers.map(({ data }) => data)).toEqual(Array(60).fill({ name: 'Ana' }))
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  it('leaves the copy to the readers whose schema takes it', async () => {
    await read()
    expect(await read(old)).toMatchObject({ data: 'Ana', status: 'degraded' })
  })
})

it('two readers that refuse what the other one fetches cost one fetch each while Redis is down', async () => {
  const names = vi.fn(async () => 'Ana')
  const cold = { key: 'cold', name: 'cold' }
  test.down()
  for (let second = 0; second < 10; second += 1) {
    expect((await read({ ...old, ...cold, fetcher: names })).data).toBe('Ana')
    expect((await read({ ...people, ...cold })).data).toEqual({ name: 'Ana' })
    test.clock.advance(1_000)
  }
  expect([names.mock.calls.length, fetcher.mock.calls.length]).toEqual([1, 1])
})

it('over a Redis that answers after 300 ms its reader waits for the answer, and what it fetched is stored', async () => {
  const { clock } = test
  let slow = false
  const process = await test.another({
    ports: {
      fetch: async (url, init) => {
        if (slow) await clock.sleep(300)
        return test.runtime.ports.fetch(url, init)
      },
    },
  })
  /** Moves the clock on while a read is not answered. */
  const readSlowly = async (config: FieldCacheConfig<unknown>) => {
    let answered = false
    const reading = process.read(config).finally(() => {
      answered = true
    })
    while (!answered) {
      await new Promise(setImmediate)
      if (!answered && clock.sleepers > 0) clock.advance(10)
    }
    return reading
  }
  await readSlowly(old)
  slow = true
  const statuses: string[] = []
  for (let second = 0; second < 20; second += 1) {
    clock.advance(1_000)
    const { data, status } = await readSlowly(people)
    expect(data).toEqual({ name: 'Ana' })
    statuses.push(status)
  }
  expect(statuses[0]).toBe('miss')
  expect(fetcher).toHaveBeenCalledTimes(1)
  expect(process.events.of('field.contended')).toEqual([])
})

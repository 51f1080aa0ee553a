/** Durations and ttls: refused under the option's name when they cannot be meant, bounded when they can. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { refreshConfig } from '@/lib/config/appConfig'
import { airtableConfig } from '@/lib/core-services/airtable/airtableConfig'
import { airtableList, airtableValue } from '@/lib/core-services/airtable/airtableField'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { cacheConfig } from '@/lib/core-services/cache/settings/cacheConfig'
import { systemClock } from '@/lib/shared/clock'
import { withinDeadline } from '@/lib/shared/deadline'
import { codedError } from '@/lib/shared/errors'
import { defaultPorts } from '@/lib/shared/ports'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '@/tests/kit/fields/fieldProcess'

const test = await createTestCache()
const aside = createCacheAside(() => test.runtime)
afterEach(() => {
  vi.useRealTimers()
  test.reset()
})

const IN_MS = 1_769_000_000_000

describe('options of a field', () => {
  const wrong: [Partial<FieldCacheConfig<unknown>>, string][] = [
    [{ ttl: 1 / 3 }, 'ttl is 0.3333333333333333, not a positive whole number of seconds'],
    [{ ttl: Number.POSITIVE_INFINITY }, 'ttl is Infinity, not a positive whole number of seconds'],
    [{ ttl: IN_MS }, 'ttl is 1769000000000 seconds, more than a century: give seconds, not ms'],
    [{ ttl: '60' as never }, 'ttl is 60, not a positive whole number of seconds'],
    [{ ttl: undefined as never }, 'ttl is undefined, not a positive whole number'],
    [{ staleWhileRevalidate: 0.5 }, 'staleWhileRevalidate is 0.5, not'],
    [{ staleIfError: Number.POSITIVE_INFINITY }, 'staleIfError is Infinity, not'],
    [{ anonymousForce: Number.MAX_SAFE_INTEGER }, 'anonymousForce is 9007199254740991 seconds, more than'],
    [{ refreshEvery: 22.5 }, 'refreshEvery is 22.5, not'],
    [{ memoryTtl: Number.POSITIVE_INFINITY }, 'memoryTtl is Infinity, not a number of seconds'],
    [{ memoryTtl: -1 }, 'memoryTtl is -1, not a number of seconds'],
    [{ memoryTtl: IN_MS }, 'memoryTtl is 1769000000000 seconds, more than a century'],
    [{ advanced: { negativeTtl: 1.5 } }, 'advanced.negativeTtl is 1.5, not'],
    [{ advanced: { timeoutMs: 0 } }, 'advanced.timeoutMs is 0, not a positive number of ms'],
    [{ advanced: { timeoutMs: Number.NaN } }, 'advanced.timeoutMs is NaN, not a positive number of ms'],
    [{ advanced: { timeoutMs: 30 } }, 'advanced.timeoutMs is 30 ms, 100 at least: give ms, not seconds'],
    [{ advanced: { softTimeoutMs: 2 } }, 'advanced.softTimeoutMs is 2 ms, 10 at least: give ms'],
    [{ tags: 'people' as never }, 'its tags are no list'],
  ]

  it.each(wrong)('field options %o are refused by name, before any request', async (options, reason) => {
    const config = { ...field<unknown>(async () => 1), ...options }
    const expected = { code: 'FIELD_INVALID', message: expect.stringContaining(reason) }
    expect(() => defineFields([config])).toThrow(expect.objectContaining(expected))
    await expect(test.read(config)).rejects.toMatchObject(expected)
    await expect(forceRefresh(test.runtime, config, 'force')).rejects.toMatchObject(expected)
    expect(test.counters.commands).toBe(0)
  })

  it('field options are refused although a stored value could be served', async () => {
    const config = field(async () => 1)
    await test.read(config)
    await expect(test.read({ ...config, staleIfError: 0.5 })).rejects.toThrow('staleIfError is 0.5')
  })

  it('Redis accepts field options of the longest durations', async () => {
    const century = 100 * 365 * 86_400
    const config = field(async () => 1, {
      ttl: century,
      staleWhileRevalidate: century,
      staleIfError: century,
    })
    await test.read(config)
    expect((await test.read(config)).status).toBe('hit')
  })
})

describe('a deadline', () => {
  it.each([40_000 / 3, 2 ** 31, Number.POSITIVE_INFINITY])(
    'a deadline of %d ms gives the source its time, and the value is stored',
    async (timeoutMs) => {
      const slow = async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return 'v'
      }
      const fetcher = vi.fn(slow)
      const config = field(fetcher, { advanced: { timeoutMs, softTimeoutMs: timeoutMs } })
      for (const status of ['miss', 'hit'])
        expect(await test.read(config)).toMatchObject({ data: 'v', status })
      expect(fetcher).toHaveBeenCalledTimes(1)
      expect(test.events.of('redis.degraded')).toEqual([])
    },
  )

  it('a deadline without end ends after an hour, and so does its lease', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const never = () => new Promise<string>(() => undefined)
    const config = field(never, { advanced: { timeoutMs: Number.POSITIVE_INFINITY } })
    const read = test.read(config)
    const ended = expect(read).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT' })
    await expect.poll(() => test.events.of('refresh.started')).toHaveLength(1)
    const [, [lease = '']] = await test.cache.redis.scan(0, { match: '*~lease:*' })
    expect(await test.cache.redis.pttl(lease)).toBe(3_600_500)
    await vi.advanceTimersByTimeAsync(3_600_000)
    await ended
  })

  it('a deadline and a sleep longer than a timer can be do not end at once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let ended = 0
    const end = () => {
      ended += 1
    }
    void systemClock.sleep(Number.POSITIVE_INFINITY).then(end)
    void systemClock.sleep(2 ** 31).then(end)
    const late = () => new Error('late')
    void withinDeadline(2 ** 40, late, () => new Promise(() => undefined), defaultPorts).catch(end)
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(ended).toBe(0)
  })
})

describe('a field over Airtable', () => {
  const table = {
    name: 'people',
    locate: () => ({ baseId: 'appLimits00000001', tableId: 'tblPeople00000001' }),
  }
  const asked = { table, columns: ['City'] }
  const fieldsWith = (ttl: number) => [
    airtableList<{ id: string }>({
      ...asked,
      name: 'offices',
      key: 'offices',
      ttl,
      item: ({ id }) => ({ id }),
      order: () => 0,
    }),
    airtableValue<number>({ ...asked, name: 'count', key: 'count', ttl, value: ({ length }) => length }),
  ]

  it.each([1, 5, 15, 45, 75, 3_599, 86_399])('an Airtable field may have a ttl of %d s', (ttl) => {
    expect(() => defineFields(fieldsWith(ttl) as Parameters<typeof defineFields>[0])).not.toThrow()
  })

  it.each([0.5, Number.NaN, IN_MS])(
    'an Airtable field with a wrong ttl (%d) is refused by that number, not by a derived one',
    (ttl) => {
      expect(() => defineFields(fieldsWith(ttl) as Parameters<typeof defineFields>[0])).toThrow(/: ttl is /)
    },
  )
})

describe('options of cacheAside', () => {
  it.each([
    [{ ttl: 0.5 }, 'ttl is 0.5, not'],
    [{ ttl: IN_MS }, 'ttl is 1769000000000 seconds, more than a century'],
    [{ ttl: 60, staleWhileRevalidate: 1 / 3 }, 'staleWhileRevalidate is 0.333'],
    [{ ttl: 60, staleWhileRevalidate: true, staleMarkerTtl: 0.5 }, 'staleMarkerTtl is 0.5, not'],
    [{ ttl: 60.5, staleWhileRevalidate: true, staleMarkerTtl: 30 }, 'ttl is 60.5, not'],
  ] as const)("cacheAside options %o are refused under the caller's name", async (options, reason) => {
    const refused = { code: 'OPTIONS_INVALID', message: expect.stringContaining(reason) }
    await expect(aside.get('k', async () => 1, options)).rejects.toMatchObject(refused)
    await expect(aside.batchGet(['k'], async () => [1], options)).rejects.toMatchObject(refused)
    expect(test.counters.commands).toBe(0)
  })
})

describe('options of commands', () => {
  it.each([
    [{ ex: IN_MS }, 'ex is 1769000000000 seconds, more than a century'],
    [{ px: Number.MAX_SAFE_INTEGER }, 'px is 9007199254741 seconds, more than a century'],
    [{ px: 0.5 }, 'px is 0.5, not a positive whole number'],
    [{ exat: IN_MS }, 'exat is 1769000000000, which is no time in seconds since 1970'],
    [{ pxat: 1_769_000_000 }, 'pxat is 1769000000, which is no time in ms since 1970'],
    [Number.POSITIVE_INFINITY, 'ex is Infinity, not a positive whole number'],
  ])('options %o of a command are refused', async (options, reason) => {
    await expect(test.cache.set('k', 1, options)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining(reason),
    })
  })

  it('wrong options of expire are refused', async () => {
    await expect(test.cache.expire('k', IN_MS)).rejects.toThrow('seconds is 1769000000000 seconds')
  })

  it('the ttl of a lock may be a third of a second', async () => {
    expect(await test.cache.lock.withLock('k', async () => 'done', 1 / 3)).toBe('done')
    await expect(test.cache.lock.acquire('k', Number.POSITIVE_INFINITY)).rejects.toThrow(
      'its ttl is Infinity',
    )
  })
})

it.each([
  [
    () => refreshConfig({ CACHE_REFRESH_TIMEOUT_MS: '25' }),
    'CACHE_REFRESH_TIMEOUT_MS is 1000 milliseconds at least',
  ],
  [
    () => airtableConfig({ AIRTABLE_API_KEY: 'pat', AIRTABLE_PAGE_TIMEOUT_MS: '10' }),
    'AIRTABLE_PAGE_TIMEOUT_MS is 100 milliseconds at least',
  ],
  [
    () =>
      cacheConfig({
        UPSTASH_REDIS_REST_URL: 'https://a.example',
        UPSTASH_REDIS_REST_TOKEN: 't',
        CACHE_CB_MONITORING_PERIOD: '300',
      }),
    'CACHE_CB_MONITORING_PERIOD is 1000 milliseconds at least',
  ],
])('a variable in seconds that must be in ms is refused by name', (read, message) => {
  expect(read).toThrow(message)
})

it('an error holds whole seconds, as the Retry-After header needs', () => {
  expect(codedError('X', 'x', { retryAfter: 0.2 }).retryAfter).toBe(1)
})

it('a copy in memory is used no longer than the entry lives in Redis', async () => {
  const config = field(async () => 'v', {
    ttl: 5,
    memoryTtl: 3_600,
    advanced: { expiresAt: () => test.clock.now() + 2_500 },
  })
  const read = async () => (await test.read(config)).status
  await read()
  test.clock.advance(2_400)
  expect(await read()).toBe('hit')
  test.clock.advance(200)
  expect(await read()).toBe('miss')
  test.clock.advance(3_001)
  expect(test.runtime.memoryCache.get(config.key)).toBeUndefined()
})

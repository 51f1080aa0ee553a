/** A source that asks to be left alone for long is, whatever the process finds out meanwhile for a shorter time. */
import { beforeEach, expect, it, vi } from 'vitest'
import type { Force } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { FieldContext } from '@/lib/core-services/cache/fields/fieldContext'
import { failedSource, leaveAlone, quietFlight } from '@/lib/core-services/cache/fields/refresh/coolDown'
import { codedError } from '@/lib/shared/errors'
import { createTestCache, type TestCache } from '@/lib/testing/testCache'

const fetcher = vi.fn<() => Promise<string>>()
const people: FieldCacheConfig<string> = {
  name: 'people',
  key: 'people',
  ttl: 60,
  staleWhileRevalidate: 6_000,
  fetcher,
}
let test: TestCache
const read = (force: Force = 'never') => test.read(people, force)

/** The source has failed without Redis, and wants to be left alone for a minute. */
beforeEach(async () => {
  test = await createTestCache()
  fetcher.mockReset().mockResolvedValueOnce('good')
  await read()
  test.clock.advance(61_000)
  fetcher.mockRejectedValue(codedError('AIRTABLE_RATE_LIMITED', 'slow down', { retryAfter: 60 }))
  test.down()
  expect(await read()).toMatchObject({ data: 'good', status: 'degraded' })
  expect(fetcher).toHaveBeenCalledTimes(2)
  test.up()
})

it('a source that failed is left alone for its cool-down, even if another instance is seen to fetch', async () => {
  const other = await test.another()
  const never = { ...people, fetcher: () => new Promise<string>(() => undefined) }
  expect(await other.read(never)).toMatchObject({ status: 'stale' })
  await expect.poll(() => other.events.of('lease.taken')).toHaveLength(1)
  expect(await read()).toMatchObject({ status: 'stale' })
  await expect.poll(() => test.events.of('lease.held')).toHaveLength(1)
  test.down()
  test.clock.advance(2_000)
  expect(await read()).toMatchObject({ data: 'good', status: 'degraded' })
  expect(fetcher).toHaveBeenCalledTimes(2)
  test.clock.advance(60_000)
  await read()
  expect(fetcher).toHaveBeenCalledTimes(3)
})

it('a source that failed is left alone until it answers', async () => {
  fetcher.mockResolvedValueOnce('forced')
  expect(await read('always')).toMatchObject({ data: 'forced' })
  test.down()
  test.clock.advance(31_000)
  fetcher.mockResolvedValueOnce('back')
  expect(await read()).toMatchObject({ data: 'back', status: 'miss' })
})

it('of several cool-downs the longest one counts', () => {
  const { clock } = test
  const field = new FieldContext(test.runtime, people)
  const code = () => quietFlight(field, 'flight')?.code
  leaveAlone(field, 'flight', { milliseconds: 120_000, code: 'SOURCE_FAILED' })
  leaveAlone(field, 'flight', { milliseconds: 1_000, code: null })
  expect(code()).toBe('SOURCE_FAILED')
  leaveAlone(field, 'flight', { milliseconds: 1_000, code: 'SOURCE_TIMEOUT' })
  clock.advance(119_000)
  expect([code(), failedSource(field)]).toEqual(['SOURCE_FAILED', 'SOURCE_FAILED'])
  leaveAlone(field, 'flight', { milliseconds: 5_000, code: 'SOURCE_TIMEOUT' })
  clock.advance(4_999)
  expect([code(), failedSource(field)]).toEqual(['SOURCE_TIMEOUT', 'SOURCE_TIMEOUT'])
  clock.advance(1)
  expect([code(), failedSource(field)]).toEqual([undefined, null])
})

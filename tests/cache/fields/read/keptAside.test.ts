/** What a release keeps aside because another one stores another shape, once that other one's value has ended. */
import { beforeEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '../../../kit/fields/fieldProcess'

const test = await createTestCache()
beforeEach(() => test.reset())

const schema = z.object({ name: z.string() })
const old = (ttl = 60) => field(async () => 'Ana', { ttl })
const placesInRedis = () =>
  test.cache.redis
    .scan(0, { match: 'test:v1*agents_list*', count: 1_000 })
    .then(([, names]) => names.filter((name) => !name.includes('~token') && !name.includes('~lease')))

/** Two processes of the new release. */
async function newRelease() {
  const first = await test.another({ deployment: 'new' })
  const later = await test.another({ deployment: 'new' })
  const fetcher = vi.fn(async () => ({ name: `Ana ${fetcher.mock.calls.length}` }))
  return { first, later, fetcher }
}

it('two processes of one release share one value again once the other release is gone', async () => {
  const { first, later, fetcher } = await newRelease()
  const config = field(fetcher, { ttl: 3_600, schema })
  const read = (at: typeof first) => at.read(config)
  await test.read(old())
  await read(first)
  test.clock.advance(7_200_000)
  await read(first)
  await read(later)
  fetcher.mockClear()
  await forceRefresh(first.runtime, config, 'cron')
  expect((await read(later)).status).toBe('hit')
  await forceRefresh(later.runtime, config, 'cron')
  expect((await read(first)).status).toBe('hit')
  expect(fetcher).toHaveBeenCalledTimes(2)
})

it('a process finds what another one of its release has stored in the usual slot, and fetches nothing', async () => {
  const { first, later, fetcher } = await newRelease()
  const config = field(fetcher, { ttl: 60, schema })
  await test.read(old())
  await first.read(config)
  test.clock.advance(120_000)
  await later.read(config)
  expect(await first.read(config)).toMatchObject({ status: 'hit' })
  expect(fetcher).toHaveBeenCalledTimes(2)
})

it('a stale value is served from the slot aside while the new one goes to the usual slot', async () => {
  const { first, later, fetcher } = await newRelease()
  const config = field(fetcher, { ttl: 60, staleWhileRevalidate: 600, schema })
  await test.read(old())
  await first.read(config)
  test.clock.advance(120_000)
  expect(await first.read(config)).toMatchObject({
    data: { name: 'Ana 1' },
    status: 'stale',
  })
  await test.backgroundWork()
  expect(await later.read(config)).toMatchObject({
    data: { name: 'Ana 2' },
    status: 'hit',
  })
})

it('the value aside is still the last good value of a source that fails', async () => {
  const { first, fetcher } = await newRelease()
  const config = field(fetcher, { ttl: 60, staleIfError: 600, schema })
  await test.read(old())
  await first.read(config)
  test.clock.advance(120_000)
  fetcher.mockRejectedValueOnce(new Error('down'))
  expect(await first.read(config)).toMatchObject({
    data: { name: 'Ana 1' },
    status: 'degraded',
  })
})

it('a value of the old release without an end is replaced after its invalidation', async () => {
  const { first, fetcher } = await newRelease()
  const config = field(fetcher, { ttl: 3_600, schema })
  await test.read({ ...old(), ttl: 'forever' })
  await first.read(config)
  await forceRefresh(first.runtime, config, 'cron')
  expect(await placesInRedis()).toHaveLength(2)
  await invalidateField(config, test.runtime)
  await first.read(config)
  expect(await test.cache.redis.get('test:v1:agents_list')).toContain('Ana 3')
})

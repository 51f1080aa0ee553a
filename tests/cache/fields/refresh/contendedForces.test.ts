/** Forces of one field in several instances at the same moment, and invalidations that get in between. */
import { beforeEach, expect, it, vi } from 'vitest'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import type { FieldProcess } from '@/lib/testing/fieldProcess'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../../kit/clock/deferred'
import { field } from '../../../kit/fields/fieldProcess'

const test = await createTestCache()
let others: FieldProcess[]
beforeEach(async () => {
  test.reset()
  others = await Promise.all(Array.from({ length: 8 }, () => test.another()))
})

const force = ({ runtime }: FieldProcess, config: FieldCacheConfig<unknown>) =>
  forceRefresh(runtime, config, 'force')
/** Each fetch ends some turns of the event loop after it began, and brings how many had begun. */
function counted() {
  const source = { calls: 0 }
  const fetcher = async () => {
    source.calls += 1
    const version = source.calls
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    return version
  }
  return { source, fetcher }
}

it('of eight forces at once none is refused, and each fetches twice at most', async () => {
  const { source, fetcher } = counted()
  const config = field<unknown>(fetcher)
  const forced = await Promise.all(others.map((process) => force(process, config)))
  expect(forced.every(({ stored }) => stored)).toBe(true)
  expect(source.calls).toBeLessThan(16)
})

it('forces with different ttls share no fetch, and each stores its value for its own ttl', async () => {
  const { fetcher } = counted()
  const ttls = others.map((_, index) => 100 + index)
  const forced = await Promise.all(
    others.map((process, index) => force(process, field<unknown>(fetcher, { ttl: ttls[index] as number }))),
  )
  expect(new Set(forced.map(({ entry }) => entry.body)).size).toBe(8)
  expect(ttls).toContain(await test.cache.ttl('agents_list'))
})

it('a force does not adopt a value whose fetch began before the force', async () => {
  const [first, second] = others as [FieldProcess, FieldProcess]
  const gates = [deferred<string>(), deferred<string>()]
  const fetcher = vi.fn(async () => (await gates[fetcher.mock.calls.length - 1]?.promise) ?? 'fetched again')
  const config = field<unknown>(fetcher)
  await force(
    test,
    field<unknown>(async () => 'old'),
  )
  const earlier = force(first, config)
  await expect.poll(() => fetcher).toHaveBeenCalledTimes(1)
  const later = force(second, config)
  await expect.poll(() => fetcher).toHaveBeenCalledTimes(2)
  gates[0]?.resolve('read before the second was asked for')
  await earlier
  gates[1]?.resolve('lost')
  expect((await later).entry.body).toBe('"fetched again"')
})

it('a force does not adopt a value stored before it, even if the expiry of that value changed meanwhile', async () => {
  const gate = deferred<string>()
  const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 2 ? gate.promise : 'old'))
  const config = field<unknown>(fetcher)
  await force(test, config)
  const later = force(others[0] as FieldProcess, config)
  await expect.poll(() => fetcher).toHaveBeenCalledTimes(2)
  expect(await test.cache.expire(config.key, 50)).toBe(1)
  fetcher.mockImplementation(async () => 'fetched again')
  gate.resolve('lost')
  expect((await later).entry.body).toBe('"fetched again"')
})

it('a force does not adopt a value stored before it, even if a tag was invalidated during its fetch', async () => {
  let calls = 0
  const fetcher = async (): Promise<unknown> => {
    calls += 1
    if (calls === 3) await invalidateTags(['another'], others[0]?.runtime)
    return calls
  }
  const config = field(fetcher, { dependsOn: (value) => [`part:${value}`] })
  for (const process of others.slice(0, 2)) await force(process, config)
  // What its third value depends on may have changed; the second one is still stored.
  expect((await force(test, config)).entry.body).toBe('4')
})

it('a force is refused only when invalidations disturb three fetches', async () => {
  const disturbing = (times: number) =>
    vi.fn(async (): Promise<unknown> => {
      if (disturbing.calls++ < times) await invalidateField({ key: 'agents_list' }, others[0]?.runtime)
      return disturbing.calls
    })
  disturbing.calls = 0
  await force(
    test,
    field<unknown>(async () => 'old'),
  )
  expect(await force(test, field(disturbing(2)))).toMatchObject({ stored: true })
  disturbing.calls = 0
  await expect(force(test, field(disturbing(9)))).rejects.toMatchObject({ code: 'FORCE_CONTENDED' })
  expect(disturbing.calls).toBe(3)
})

it('a force does not fetch again when that could not end in time', async () => {
  const fetcher = vi.fn(async (): Promise<unknown> => {
    await invalidateField({ key: 'agents_list' }, others[0]?.runtime)
    return 'value'
  })
  await force(
    test,
    field<unknown>(async () => 'old'),
  )
  const until = test.clock.monotonic() + test.runtime.refreshTimeoutMs - 1
  const forced = forceRefresh(test.runtime, field(fetcher), 'force', { until })
  await expect(forced).rejects.toMatchObject({ code: 'FORCE_CONTENDED' })
  expect(fetcher).toHaveBeenCalledTimes(1)
})

/** A process whose monotonic clock has stood still, as that of a frozen one does, while the wall clock went on. */
import { beforeEach, expect, it, vi } from 'vitest'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../../kit/clock/deferred'
import { field } from '../../../kit/fields/fieldProcess'

const test = await createTestCache()
beforeEach(() => test.reset())

/** A process that can be frozen. */
async function freezable() {
  let stoodStill = 0
  const clock = { ...test.clock, monotonic: () => test.clock.monotonic() - stoodStill }
  const process = await test.another({ ports: { clock } })
  return {
    ...process,
    freeze(milliseconds: number) {
      stoodStill += milliseconds
      test.clock.advance(milliseconds)
    },
  }
}

const returning = (value: string) => field(async () => value, { ttl: 600 })

it('a frozen process whose lease is over by the wall clock alone stores nothing over a newer value', async () => {
  const frozen = await freezable()
  const other = await test.another()
  const first = deferred<string>()
  const asked = deferred<void>()
  const slow = frozen.read(
    field(
      () => {
        asked.resolve()
        return first.promise
      },
      { ttl: 600 },
    ),
  )
  await asked.promise
  frozen.freeze(10_000)
  await other.read(returning('new'))
  first.resolve('old')
  expect((await slow).data).toBe('old')
  expect(frozen.events.of('refresh.skipped')).toMatchObject([{ why: 'lease-over' }])
  expect((await test.read(returning('newer'))).data).toBe('new')
})

it('a frozen process asks a source again whose cool-down is over by the wall clock', async () => {
  const frozen = await freezable()
  const fetcher = vi.fn(async () => 'value')
  fetcher.mockRejectedValueOnce(new Error('down'))
  await expect(frozen.read(field(fetcher))).rejects.toMatchObject({
    code: 'SOURCE_FAILED',
  })
  frozen.freeze(6_000)
  expect(await frozen.read(field(fetcher))).toMatchObject({ data: 'value' })
})

it('a frozen process no longer holds a lock that expired meanwhile', async () => {
  const frozen = await freezable()
  await frozen.cache.lock.acquire('orders', 5)
  frozen.freeze(6_000)
  expect(frozen.cache.lock.held).toEqual([])
  await expect(
    frozen.cache.lock.withLock('orders', async () => frozen.freeze(31_000), 30),
  ).rejects.toMatchObject({ code: 'LOCK_LOST' })
})

it('a frozen process that sees newer tokens while it fetches stores nothing over the entry that came with them', async () => {
  const other = await test.another()
  const slow = deferred<string>()
  const asked = deferred<void>()
  const config = (fetcher: () => Promise<string>) => field(fetcher, { ttl: 1, staleWhileRevalidate: 60 })
  await test.read(config(async () => 'first'))
  test.clock.advance(1_500)
  const refreshing = config(() => {
    asked.resolve()
    return slow.promise
  })
  expect((await test.read(refreshing)).status).toBe('stale')
  await asked.promise
  test.clock.advance(1)
  await invalidateField(refreshing, other.runtime)
  await other.read(config(async () => 'new'))
  // Another read of the process sees what is stored now.
  await test.read(config(async () => 'never fetched'))
  slow.resolve('old')
  await test.backgroundWork()
  expect(test.events.of('refresh.skipped')).toMatchObject([{ why: 'outdated' }])
  expect(await other.read(config(async () => 'newer'))).toMatchObject({ data: 'new', status: 'hit' })
})

it.each([
  [10_000, 'what the frozen one has read'],
  [30_000, 'nothing'],
])(
  'a process that was frozen for 100 s while a force read a part leaves that part for 20 s: after %i ms there is %s',
  async (after, left) => {
    const frozen = await freezable()
    const other = await test.another()
    const read: string[] = []
    const pages = field(
      async ({ resume, pause }) => {
        read.push((await resume()) ?? 'nothing')
        if (read.length === 1) frozen.freeze(100_000)
        return pause('what the frozen one has read', '1 of 2 pages')
      },
      { ttl: 3_600 },
    )
    const force = ({ runtime }: Pick<typeof other, 'runtime'>) =>
      expect(forceRefresh(runtime, pages, 'force')).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED' })
    await force(frozen)
    test.clock.advance(after)
    await force(other)
    expect(read).toEqual(['nothing', left])
  },
)

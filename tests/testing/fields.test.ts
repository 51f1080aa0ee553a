import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import type { Force } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { onEachCache } from '../kit/fields/eachCache'
import { type FieldProcess, field } from '../kit/fields/fieldProcess'

onEachCache((suite) => {
  let [here, there] = [] as unknown as [FieldProcess, FieldProcess]
  beforeEach(async () => {
    here = await suite.start()
    there = await suite.start()
  })

  const read = <T>(config: FieldCacheConfig<T>, process = here, force: Force = 'never') =>
    process.read(config, force)

  /** Answers v1, v2, … until it is set to fail. */
  function source() {
    let failing = false
    let version = 0
    const fetcher = vi.fn(async () => {
      if (failing) throw new Error('down')
      version += 1
      return `v${version}`
    })
    return {
      fetcher,
      fail: () => {
        failing = true
      },
    }
  }

  describe('a read', () => {
    it('fetches once, then hits in every process, for the same requests', async () => {
      const { fetcher } = source()
      const config = field(fetcher, { tags: ['people', 'agents'] })
      const first = await suite.counted(() => read(config))
      expect(first).toMatchObject({ value: { data: 'v1', status: 'miss' }, requests: 3 })
      const second = await suite.counted(() => read(config, there))
      expect(second).toMatchObject({ value: { data: 'v1', status: 'hit', age: 0 }, requests: 1 })
      expect(fetcher).toHaveBeenCalledTimes(1)
    })

    it('a read costs nothing from memory within memoryTtl, and one request after it', async () => {
      const config = field(source().fetcher, { memoryTtl: 5 })
      await read(config)
      expect(await suite.counted(() => read(config))).toMatchObject({ value: { status: 'hit' }, requests: 0 })
      suite.pass(6)
      expect(await suite.counted(() => read(config))).toMatchObject({ value: { age: 6 }, requests: 1 })
    })

    it('past its ttl a value is stale and refreshed after the answer; past the stale window it is a miss', async () => {
      const config = field(source().fetcher, { ttl: 60, staleWhileRevalidate: 30 })
      await read(config)
      suite.pass(61)
      expect(await read(config)).toMatchObject({ data: 'v1', status: 'stale', age: 61 })
      await suite.backgroundWork()
      expect(await read(config, there)).toMatchObject({ data: 'v2', status: 'hit' })
      suite.pass(91)
      expect(await read(config)).toMatchObject({ data: 'v3', status: 'miss' })
    })

    it('serves the last good value when the source fails, and does not call it for a while', async () => {
      const { fetcher, fail } = source()
      const config = field(fetcher, { ttl: 60, staleIfError: 600 })
      await read(config)
      fail()
      suite.pass(61)
      expect(await read(config)).toMatchObject({ data: 'v1', status: 'degraded' })
      expect(await read(config, there)).toMatchObject({ data: 'v1', status: 'degraded' })
      expect(fetcher).toHaveBeenCalledTimes(2)
    })

    it.each([null, '', 0, [], { deep: [1, { b: null }] }, 'ñ🦤'])('returns %j unchanged', async (value) => {
      const config = field(async () => value)
      expect((await read(config)).data).toStrictEqual(value)
      expect(await read(config, there)).toMatchObject({ data: value, status: 'hit' })
    })
  })

  describe('an invalidation', () => {
    it('invalidating a tag makes exactly the fields with that tag a miss, everywhere', async () => {
      const people = field(source().fetcher, { tags: ['people', 'agents'] })
      const rates = field(source().fetcher, { name: 'rates', key: 'rates', tags: ['rates'] })
      for (const config of [people, rates]) await read(config)
      await invalidateTags(['agents'], there.runtime)
      expect(await read(people)).toMatchObject({ data: 'v2', status: 'miss' })
      expect(await read(rates)).toMatchObject({ data: 'v1', status: 'hit' })
    })

    it('invalidating a field makes that field a miss', async () => {
      const config = field(source().fetcher)
      await read(config)
      await invalidateField(config, there.runtime)
      expect(await read(config)).toMatchObject({ data: 'v2', status: 'miss' })
    })

    it('invalidates by a tag that only the value names', async () => {
      const config = field(source().fetcher, { dependsOn: (value) => [`product:${value}`] })
      await read(config)
      await invalidateTags(['product:v9'], there.runtime)
      expect((await read(config)).status).toBe('hit')
      await invalidateTags(['product:v1'], there.runtime)
      expect(await read(config)).toMatchObject({ data: 'v2', status: 'miss' })
    })
  })

  describe('a forced refresh', () => {
    it('a forced refresh fetches, and every process has the new value', async () => {
      const config = field(source().fetcher)
      await read(config)
      const forced = await suite.counted(() => read(config, here, 'always'))
      expect(forced).toMatchObject({ value: { data: 'v2', status: 'refreshed' }, requests: 2 })
      expect(await read(config, there)).toMatchObject({ data: 'v2', status: 'hit' })
    })

    it('a forced refresh that fails keeps the old value', async () => {
      const { fetcher, fail } = source()
      const config = field(fetcher)
      await read(config)
      fail()
      await expect(read(config, here, 'always')).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
      expect(await read(config, there)).toMatchObject({ data: 'v1', status: 'hit' })
    })

    it('a forced refresh without the token is allowed once per cool-down', async () => {
      const config = field(source().fetcher, { anonymousForce: 30 })
      await read(config)
      expect(await read(config, here, 'anonymous')).toMatchObject({ data: 'v2', status: 'refreshed' })
      expect(await read(config, there, 'anonymous')).toMatchObject({ data: 'v2', status: 'cooldown' })
    })
  })

  describe('without Redis', () => {
    it('without Redis reads are fetched and an invalidation throws; stored values are back afterwards', async () => {
      const { fetcher } = source()
      const config = field(fetcher)
      await read(config, there)
      await suite.down()
      expect(await read(config)).toMatchObject({ data: 'v2', status: 'miss' })
      await expect(invalidateField(config, here.runtime)).rejects.toMatchObject({
        code: 'INVALIDATION_FAILED',
      })
      await suite.up(here)
      await read(config)
      expect(await read(config)).toMatchObject({ status: 'hit' })
    })
  })

  it('many keys at once cost one call of the source', async () => {
    const aside = createCacheAside(() => here.runtime)
    const load = vi.fn(async (keys: string[]) => keys.map((key) => key.toUpperCase()))
    await aside.batchGet(['a', 'b'], load)
    expect(await aside.batchGet(['a', 'c', 'd'], load)).toEqual(['A', 'C', 'D'])
    expect(load.mock.calls.map(([keys]) => keys)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    expect(await aside.invalidatePattern('*')).toBe(4)
  })

  it('a lock is held by one at a time, over all processes, with growing tokens', async () => {
    const once = { retryCount: 0 }
    const lock = await here.cache.lock.acquireMany(['a', 'b'], 30, once)
    await expect(there.cache.lock.acquire('b', 30, once)).rejects.toMatchObject({ code: 'LOCK_NOT_ACQUIRED' })
    expect(await here.cache.lock.extend(lock, 60)).toBe(true)
    expect(await here.cache.lock.release(lock)).toBe(true)
    const next = await there.cache.lock.acquire('b', 30, once)
    expect(next.token).toBeGreaterThan(lock.token)
    expect(await here.cache.lock.release(lock)).toBe(false)
  })
})

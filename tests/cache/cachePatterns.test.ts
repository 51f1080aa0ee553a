import { beforeEach, expect, it } from 'vitest'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { onEachCache } from '../kit/fields/eachCache'

onEachCache(({ start }) => {
  let cache: CacheService
  /** Takes a name that the engine keeps for itself. */
  const kept = (holder: string) => {
    const name = cache.fieldStore.names.forceCoolDown('orders:1')
    return cache.fieldStore.takeLease({ name, holder, milliseconds: 60_000 })
  }

  beforeEach(async () => {
    cache = (await start()).cache
    await cache.mset(
      Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`orders:account:${index}`, { index }])),
    )
    await cache.mset({ 'catalog:1': 1, agents_list: [] })
    await kept('token')
  })

  it('lists and counts keys by their logical names, over many chunks', async () => {
    expect(await cache.keysByPattern('orders:account:1?')).toEqual(
      Array.from({ length: 10 }, (_, index) => `orders:account:1${index}`),
    )
    expect(await cache.countByPattern('orders:*')).toBe(250)
  })

  it('deletes what matches and nothing else, and never what the engine keeps for itself', async () => {
    expect(await cache.deleteByPattern('orders:*')).toBe(250)
    expect(await cache.keysByPattern('*')).toEqual(['agents_list', 'catalog:1'])
    await cache.deleteByPattern('*')
    expect(await kept('other')).toBe(false)
  })

  it('never reaches the keys of another prefix or version', async () => {
    const { cache: neighbour } = await start({ cache: { keyVersion: 'v2' } })
    expect(await neighbour.countByPattern('*')).toBe(0)
    expect(await neighbour.get('agents_list')).toBeNull()
  })

  it('tells the memory that keys take, and whether that is an estimate', async () => {
    const one = await cache.memoryUsageByPattern('catalog:1')
    const all = await cache.memoryUsageByPattern('orders:*')
    expect(one?.keys).toBe(1)
    expect(all).toMatchObject({ keys: 250, estimated: one?.estimated })
    expect(all?.bytes).toBeGreaterThan(250 * '{"index":1}'.length)
    expect(await cache.memoryUsageByPattern('absent:*')).toEqual({ keys: 0, bytes: 0, estimated: false })
  })

  it('counts hashes, lists and sets into the memory as well', async () => {
    const text = 'x'.repeat(1_000)
    await cache.hset('big:hash', 'a', text)
    await cache.rpush('big:list', text, `${text}2`)
    await cache.sadd('big:set', text, `${text}2`)
    expect((await cache.memoryUsageByPattern('big:*'))?.bytes).toBeGreaterThan(5_000)
  })
})

import { getEventListeners } from 'node:events'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { cacheAside } from '@/lib/core-services/cache/cacheAside'
import { getFieldCache, readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { refreshCache } from '@/lib/core-services/cache/refreshCache'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '../kit/fields/fieldProcess'

const test = await createTestCache()
test.install()
beforeEach(() => test.reset())

const network = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('the network was used'))

const counting = () => {
  let version = 0
  return vi.fn(async () => `v${++version}`)
}

describe('installed, it is the cache of the process', () => {
  it('an installed test cache serves every way to read, refresh and invalidate, without the network', async () => {
    const config = field(counting(), { tags: ['people'] })
    expect(await getFieldCache(config)).toBe('v1')
    expect(await getFieldCache(config)).toBe('v1')
    await invalidateTags(['people'])
    expect(await getFieldCache(config)).toBe('v2')
    expect(await cacheAside.get('profile:7', async () => 'Ana')).toMatchObject({ status: 'miss' })
    expect(await refreshCache('profile:7', async () => 'Eva', 60)).toBe('Eva')
    expect(await cacheAside.get('profile:7', async () => 'Ana')).toMatchObject({ data: 'Eva', status: 'hit' })
    const cache = await serviceRegistry.getService('cache')
    expect(await cache.keysByPattern('*')).toEqual(['agents_list', 'profile:7'])
    expect(cache).toBe(test.cache)
    expect(network).not.toHaveBeenCalled()
  })

  it('reset empties a test cache, its memory and its open circuit', async () => {
    const config = field(counting(), { memoryTtl: 60 })
    await getFieldCache(config)
    test.down()
    for (let count = 0; count < 5; count += 1) await test.cache.get('a')
    expect(test.cache.breaker.state).toBe('open')
    test.reset()
    expect(await getFieldCache(config)).toBe('v2')
    expect(test.cache.breaker.state).toBe('closed')
    expect(test.events.of('field.read')).toMatchObject([{ status: 'miss' }])
  })
})

describe('its clock', () => {
  it('the clock stands still until it is moved; then values get older and keys expire', async () => {
    const config = field(counting(), { ttl: 3_600, memoryTtl: 0 })
    await test.cache.set('session', 'Ana', { pxat: Date.now() + 60_000 })
    await getFieldCache(config)
    test.clock.advance(59_000)
    expect(await readFieldCache(config)).toMatchObject({ status: 'hit', age: 59 })
    expect(await test.cache.get('session')).toBe('Ana')
    test.clock.advance(3_600_000)
    expect(await readFieldCache(config)).toMatchObject({ data: 'v2', status: 'miss' })
    expect(await test.cache.get('session')).toBeNull()
  })

  it('moving the clock ends sleeps, such as the wait for a lock', async () => {
    await test.cache.lock.acquire('a', 30)
    const next = test.cache.lock.acquire('a', 30, { retryCount: 1, retryDelay: 40_000 })
    await vi.waitUntil(() => test.clock.sleepers > 0)
    test.clock.advance(60_000)
    await expect(next).resolves.toMatchObject({ names: ['a'] })
  })

  it('a sleep that ended leaves no listener on its signal, so a long wait in steps warns of no leak', async () => {
    const { signal } = new AbortController()
    for (let step = 0; step < 20; step += 1) {
      const slept = test.clock.sleep(1_000, signal)
      test.clock.advance(1_000)
      await slept
    }
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('its Redis', () => {
  it('down() fails Redis, and the circuit opens as in production', async () => {
    const config = field(counting())
    await getFieldCache(config)
    test.down()
    expect(await readFieldCache(config)).toMatchObject({ data: 'v2', status: 'miss' })
    await expect(invalidateTags(['people'])).rejects.toMatchObject({ code: 'INVALIDATION_FAILED' })
    await Promise.all(Array.from({ length: 5 }, () => test.cache.get('a')))
    expect(test.cache.breaker.state).toBe('open')
    test.up()
    expect(await readFieldCache(config)).toMatchObject({ data: 'v3', status: 'miss' })
    test.clock.advance(60_000)
    await getFieldCache(config)
    await test.backgroundWork()
    expect(test.cache.breaker.state).toBe('closed')
    expect(await test.cache.set('a', 1)).toBe('OK')
  })

  it('slow() delays the answers of Redis by the clock', async () => {
    const config = field(counting())
    await getFieldCache(config)
    test.slow(120)
    expect(await readFieldCache(config)).toMatchObject({ status: 'hit', timings: { cacheMs: 120 } })
    expect(test.events.of('redis.slow')).toMatchObject([{ durationMs: 120 }])
    test.slow(5_000)
    const before = test.clock.monotonic()
    expect(await readFieldCache(config)).toMatchObject({ data: 'v2', status: 'miss' })
    expect(test.events.of('redis.degraded')).toMatchObject([{ code: 'REDIS_TIMEOUT' }])
    expect(test.clock.monotonic() - before).toBe(1_500)
  })

  it('counts requests and commands, scripts as Upstash bills them', async () => {
    const config = field(counting(), { tags: ['people'] })
    await getFieldCache(config)
    const first = { requests: 3, commands: 5 }
    expect(test.counters).toEqual(first)
    await readFieldCache(config, 'always')
    expect(test.counters).toEqual({ requests: first.requests + 2, commands: first.commands + 5 })
    test.reset()
    expect(test.counters).toEqual({ requests: 0, commands: 0 })
  })

  it('refuses commands that it does not implement', async () => {
    await expect(test.cache.redis.zadd('a', { score: 1, member: 'x' })).rejects.toThrow('unknown command')
    await expect(test.cache.redis.eval('return 1', [], [])).rejects.toThrow('unknown script')
  })
})

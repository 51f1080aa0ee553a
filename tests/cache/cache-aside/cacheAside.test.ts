import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { cacheAside as cacheAsideOfProcess, createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { systemClock } from '@/lib/shared/clock'
import { deferred } from '../../kit/clock/deferred'
import { field, processForEachTest, startFieldProcess } from '../../kit/fields/fieldProcess'
import { setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const server = processForEachTest(redis)
const cacheAside = createCacheAside(() => server.runtime)

/** Lets time pass for this process. Background work is collected. */
function timeMachine() {
  const began = systemClock.now()
  let passed = 0
  const background: Promise<void>[] = []
  server.runtime.ports = {
    ...server.runtime.ports,
    clock: {
      ...systemClock,
      // A busy machine makes no value older.
      now: () => began + passed,
      monotonic: () => systemClock.monotonic() + passed,
    },
    defer: (work) => {
      background.push(work())
    },
  }
  return {
    pass: (seconds: number) => {
      passed += seconds * 1000
    },
    background: () => Promise.all(background),
  }
}

describe('cacheAside.get', () => {
  it('loads once, in two processes, and tells where a value came from and how old it is', async () => {
    const loader = vi.fn(async () => ({ id: 7 }))
    expect(await cacheAside.get('profile:7', loader, { ttl: 60 })).toEqual({
      data: { id: 7 },
      status: 'miss',
      age: 0,
    })
    const elsewhere = createCacheAside(
      await startFieldProcess(redis).then(
        ({ runtime }) =>
          () =>
            runtime,
      ),
    )
    expect(await elsewhere.get('profile:7', loader, { ttl: 60 })).toMatchObject({
      data: { id: 7 },
      status: 'hit',
    })
    expect(loader).toHaveBeenCalledTimes(1)
  })

  it('shares one load among many callers, each of whom brings a loader of its own', async () => {
    const gate = deferred<string>()
    const load = vi.fn(() => gate.promise)
    const reads = Array.from({ length: 50 }, () => cacheAside.get('profile:7', () => load()))
    await expect.poll(() => load.mock.calls.length).toBe(1)
    gate.resolve('Ana')
    expect(new Set((await Promise.all(reads)).map(({ data }) => data))).toEqual(new Set(['Ana']))
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('serves a value past ttl for staleWhileRevalidate seconds, while it is refreshed', async () => {
    const time = timeMachine()
    const options = { ttl: 60, staleWhileRevalidate: 30 }
    const load = (value: string) => cacheAside.get('profile:7', async () => value, options)
    await load('old')
    time.pass(59)
    expect(await load('new')).toMatchObject({ data: 'old', status: 'hit' })
    time.pass(30)
    expect(await load('new')).toMatchObject({ data: 'old', status: 'stale', age: 89 })
    await time.background()
    expect(await load('newer')).toMatchObject({ data: 'new', status: 'hit' })
    time.pass(91)
    expect(await load('newest')).toMatchObject({ data: 'newest', status: 'miss' })
  })

  it('with a stale marker is fresh until the marker goes, and of use until ttl ends', async () => {
    const time = timeMachine()
    const options = { ttl: 86_400, staleWhileRevalidate: true, staleMarkerTtl: 300 } as const
    const load = (value: string) => cacheAside.get('profile:7', async () => value, options)
    await load('old')
    time.pass(299)
    expect(await load('new')).toMatchObject({ data: 'old', status: 'hit' })
    time.pass(86_000)
    expect(await load('new')).toMatchObject({ data: 'old', status: 'stale' })
    await time.background()
    time.pass(86_401)
    expect(await load('newest')).toMatchObject({ data: 'newest', status: 'miss' })
  })

  it.each([
    [{ staleWhileRevalidate: true }],
    [{ staleMarkerTtl: 30 }],
    [{ staleWhileRevalidate: 60, staleMarkerTtl: 30 }],
    [{ ttl: 60, staleWhileRevalidate: true, staleMarkerTtl: 60 }],
  ] as const)('refuses windows that contradict each other: %j', async (options) => {
    await expect(cacheAside.get('profile:7', async () => 1, options)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
    })
  })

  it('checks what is loaded and what is read back by the schema', async () => {
    const options = { schema: z.object({ id: z.number() }) }
    const wrong = cacheAside.get('profile:7', async () => ({ id: 'seven' }) as never, options)
    await expect(wrong).rejects.toMatchObject({ code: 'SOURCE_INVALID' })
  })

  it('reads the key of a configured field as that field', async () => {
    const agents = field(async () => ['Ana'], { tags: ['people'] })
    defineFields([agents])
    expect(await cacheAside.get('agents_list', async () => ['Berta'], { ttl: 1 })).toMatchObject({
      data: ['Berta'],
    })
    expect(await server.read(agents)).toMatchObject({
      data: ['Berta'],
      status: 'hit',
    })
    defineFields([])
  })
})

describe('cacheAside invalidates', () => {
  const load = (key: string, value: string, tags: string[] = []) =>
    cacheAside.get(key, async () => value, { tags })

  it('a key, which the next read loads anew', async () => {
    await load('orders:1', 'old')
    await cacheAside.invalidate('orders:1')
    expect(await load('orders:1', 'new')).toMatchObject({ data: 'new', status: 'miss' })
  })

  it('a key while it is being loaded: the old value is not even remembered by this process', async () => {
    const gate = deferred<string>()
    const loader = vi.fn(() => gate.promise)
    const read = cacheAside.get('orders:1', loader)
    await expect.poll(() => loader.mock.calls.length).toBe(1)
    await cacheAside.invalidate('orders:1')
    gate.resolve('old')
    expect(await read).toMatchObject({ data: 'old' })
    expect(await load('orders:1', 'new')).toMatchObject({ data: 'new', status: 'miss' })
  })

  it('by tag, as fields do', async () => {
    await load('orders:1', 'old', ['orders'])
    await load('profile:1', 'old', ['profiles'])
    await invalidateTags(['orders'], server.runtime)
    expect(await load('orders:1', 'new', ['orders'])).toMatchObject({ data: 'new' })
    expect(await load('profile:1', 'new', ['profiles'])).toMatchObject({ data: 'old' })
  })

  it('all keys of a pattern and no other, however many there are, and says how many', async () => {
    const orders = Array.from({ length: 120 }, (_, index) => `orders:${index}`)
    await cacheAside.batchGet(orders, async (keys) => keys.map(() => 'old'))
    await load('profile:1', 'old')
    expect(await cacheAside.invalidatePattern('orders:*')).toBe(120)
    expect(await load('orders:7', 'new')).toMatchObject({ data: 'new', status: 'miss' })
    expect(await load('profile:1', 'new')).toMatchObject({ data: 'old', status: 'hit' })
  })

  it('or tells that it could not: without Redis nothing is taken for done', async () => {
    await redis.killEngine()
    for (const invalidation of [cacheAside.invalidate('orders:1'), cacheAside.invalidatePattern('orders:*')])
      await expect(invalidation).rejects.toMatchObject({ code: 'INVALIDATION_FAILED' })
    await redis.reviveEngine()
  })
})

describe('cacheAside.warm', () => {
  const itemOf = (key: string, loader = vi.fn(async () => `value of ${key}`)) => ({ key, loader })

  it('loads what is not fresh, and tells of each key what came of it; a failure stops nobody', async () => {
    await cacheAside.get('a', async () => 'there')
    const broken = itemOf(
      'b',
      vi.fn(() => Promise.reject(new Error('down'))),
    )
    const [fresh, missing] = [itemOf('a'), itemOf('c')]
    expect(await cacheAside.warm([fresh, broken, missing])).toEqual([
      { key: 'a', outcome: 'fresh' },
      { key: 'b', outcome: 'failed', code: 'SOURCE_FAILED' },
      { key: 'c', outcome: 'filled' },
    ])
    expect(fresh.loader).not.toHaveBeenCalled()
    expect(await cacheAside.get('c', async () => 'another')).toMatchObject({
      data: 'value of c',
      status: 'hit',
    })
  })

  it('runs five loaders at a time', async () => {
    const gates = Array.from({ length: 12 }, () => deferred<string>())
    const items = gates.map((gate, index) =>
      itemOf(
        `key:${index}`,
        vi.fn(() => gate.promise),
      ),
    )
    const running = () => items.filter(({ loader }) => loader.mock.calls.length > 0).length
    const warmed = cacheAside.warm(items)
    await expect.poll(running).toBe(5)
    for (const gate of gates.slice(0, 5)) gate.resolve('value')
    await expect.poll(running).toBe(10)
    for (const gate of gates) gate.resolve('value')
    expect((await warmed).map(({ outcome }) => outcome)).toEqual(items.map(() => 'filled'))
  })

  it('starts the refresh of what is stale and does not wait for it', async () => {
    const time = timeMachine()
    const options = { ttl: 10, staleWhileRevalidate: 60 }
    await cacheAside.get('a', async () => 'old', options)
    time.pass(15)
    expect(await cacheAside.warm([{ ...itemOf('a'), options }])).toEqual([
      { key: 'a', outcome: 'refreshing' },
    ])
    await time.background()
    expect(await cacheAside.get('a', async () => 'another', options)).toMatchObject({ data: 'value of a' })
  })

  it('does not claim to have warmed anything without Redis', async () => {
    await redis.killEngine()
    expect(await cacheAside.warm([itemOf('a')])).toEqual([{ key: 'a', outcome: 'not-stored' }])
    await redis.reviveEngine()
  })
})

describe('the cache-aside face of the process', () => {
  it('works with what the environment says', async () => {
    setEnvironment({
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      CACHE_COMMAND_TIMEOUT_MS: '2000',
      CACHE_BATCH_SIZE: '2',
    })
    const source = vi.fn(async (keys: string[]) => keys.map((key) => `value of ${key}`))
    await cacheAsideOfProcess.batchGet(['orders:1', 'orders:2', 'orders:3'], source)
    expect(source.mock.calls.map(([keys]) => keys)).toEqual([['orders:1', 'orders:2'], ['orders:3']])
    expect(await cacheAsideOfProcess.invalidatePattern('orders:*')).toBe(3)
    expect(await cacheAsideOfProcess.get('orders:1', async () => 'new')).toMatchObject({ data: 'new' })
  })
})

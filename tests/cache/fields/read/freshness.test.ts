import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { FieldAnswer, Force } from '@/lib/core-services/cache/fieldCacheService'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { systemClock } from '@/lib/shared/clock'
import { deferred } from '../../../kit/clock/deferred'
import { type FieldProcess, field, startFieldProcess, storedEntry } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
let here: FieldProcess
let there: FieldProcess
const BEGAN = Date.now()
/** Seconds that have passed by the wall clocks of both processes: a busy machine makes no value older. */
let ahead = 0
let deferredWork: (() => Promise<void>)[] = []

async function startProcess(): Promise<FieldProcess> {
  const started = await startFieldProcess(redis)
  const clock = { ...systemClock, now: () => BEGAN + ahead * 1000 }
  const defer = (work: () => Promise<void>) => deferredWork.push(work) > 0
  started.runtime.ports = { ...started.runtime.ports, clock, defer }
  return started
}

const read = <T>(
  config: FieldCacheConfig<T>,
  server = here,
  force: Force = 'never',
): Promise<FieldAnswer<T>> => server.read(config, force)

async function finishDeferredWork(): Promise<void> {
  const work = deferredWork
  deferredWork = []
  await Promise.all(work.map((run) => run()))
}

// A configured field: the own token of a member of a family costs a command more.
defineFields([field(async () => 0)])

beforeEach(async () => {
  await redis.flush()
  redis.upstash.resetCounters()
  ahead = 0
  deferredWork = []
  here = await startProcess()
  there = await startProcess()
})

it('20 warm fields of one page are hits, each with its own value', async () => {
  const configs = Array.from({ length: 20 }, (_, index) =>
    field(async () => index, { key: `field:${index}`, tags: ['people', 'sales', 'madrid'] }),
  )
  await Promise.all(configs.map((config) => read(config)))
  const answers = await Promise.all(configs.map((config) => read(config)))
  expect(answers.map(({ data, status }) => [data, status])).toEqual(configs.map((_, index) => [index, 'hit']))
})

describe('invalidation', () => {
  it('an invalidation makes exactly the entries with that tag misses, for every process', async () => {
    const people = field(async () => 'people', { key: 'people', tags: ['people', 'sales'] })
    const prices = field(async () => 'prices', { key: 'prices', tags: ['prices'] })
    await Promise.all([read(people), read(prices)])
    await invalidateTags(['sales'], there.runtime)
    expect([(await read(people)).status, (await read(prices)).status]).toEqual(['miss', 'hit'])
    await invalidateField(prices, here.runtime)
    expect([(await read(people, there)).status, (await read(prices, there)).status]).toEqual(['hit', 'miss'])
  })

  it('the value of a fetch during which it was invalidated is served to no later reader', async () => {
    const gate = deferred<string>()
    const answers = ['old', 'new']
    const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? gate.promise : (answers[1] ?? '')))
    const config = field(fetcher, { tags: ['people'] })
    const early = read(config)
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    await invalidateTags(['people'], there.runtime)
    const late = read(config)
    expect((await late).data).toBe('new')
    gate.resolve('old')
    expect((await early).data).toBe('old')
    expect(await read(config, there)).toMatchObject({ data: 'new' })
  })

  it('an invalidation rejects when Redis does not record it', async () => {
    await redis.killEngine()
    await expect(invalidateTags(['people'], here.runtime)).rejects.toMatchObject({
      code: 'INVALIDATION_FAILED',
    })
    await redis.reviveEngine()
  })

  it.each(['token:tag:people', 'token:key:agents_list'])(
    'the eviction of %s costs one fetch',
    async (name) => {
      let version = 1
      const config = field(async () => version, { tags: ['people'] })
      await read(config)
      version = 2
      await invalidateTags(['people'], here.runtime)
      await invalidateField(config, here.runtime)
      const { cache } = await import('../../../kit/fields/cache').then(({ cacheFor }) => cacheFor(redis))
      await cache.initialize()
      await cache.redis.del(`test:v1~${name}`)
      expect(await read(config)).toMatchObject({ data: 2, status: 'miss' })
    },
  )
})

describe('one fetch in the whole cluster', () => {
  it('one fetch serves the cold readers of every process', async () => {
    const gate = deferred<string>()
    const fetcher = vi.fn(() => gate.promise)
    const config = field(fetcher)
    const reads = [here, there, here, there].map((server) => read(config, server))
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    gate.resolve('fetched once')
    for (const answer of await Promise.all(reads))
      expect(answer).toMatchObject({ data: 'fetched once', status: 'miss' })
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  it('a reader that sees new tokens shares the lease that came with them', async () => {
    const created = deferred<void>()
    const store = await here.runtime.store()
    here.runtime.store = async () => ({
      ...store,
      async createTokens(...args) {
        const outcome = await store.createTokens(...args)
        await created.promise
        return outcome
      },
    })
    const sleep = vi.spyOn(here.runtime.ports.clock, 'sleep')
    const fetcher = vi.fn(async () => 'fetched once')
    const first = read(field(fetcher))
    await expect.poll(() => redis.upstash.counters.byCommand.MSETNX).toBe(1)
    const second = read(field(fetcher))
    await expect.poll(() => redis.upstash.counters.byCommand.MGET).toBe(2)
    created.resolve()
    expect((await Promise.all([first, second])).map(({ data }) => data)).toEqual([
      'fetched once',
      'fetched once',
    ])
    expect(fetcher).toHaveBeenCalledTimes(1)
    expect(sleep).not.toHaveBeenCalled()
  })

  it('another process takes over the fetch when its holder dies', async () => {
    const dead = field(() => new Promise<string>(() => undefined))
    here.runtime.refreshTimeoutMs = 200
    there.runtime.refreshTimeoutMs = 200
    void read(dead).catch(() => undefined)
    await expect.poll(() => redis.upstash.counters.byCommand.MSETNX).toBe(1)
    here.runtime.store = () => Promise.reject(new Error('this process is gone'))
    expect(
      await read(
        field(async () => 'taken over'),
        there,
      ),
    ).toMatchObject({ data: 'taken over' })
  })
})

describe('stale values', () => {
  it('a stale value is served past its ttl while one refresh runs in the background', async () => {
    let version = 1
    const fetcher = vi.fn(async () => version)
    const config = field(fetcher, { ttl: 60, staleWhileRevalidate: 600 })
    await read(config)
    version = 2
    ahead += 100
    const answers = await Promise.all([read(config), read(config), read(config, there)])
    expect(answers.map(({ data, status, age }) => [data, status, age])).toEqual([
      [1, 'stale', 100],
      [1, 'stale', 100],
      [1, 'stale', 100],
    ])
    await finishDeferredWork()
    expect(fetcher).toHaveBeenCalledTimes(2)
    expect(await read(config, there)).toMatchObject({ data: 2, status: 'hit' })
  })

  it('past the stale window a value is served only when the source fails, which is asked once in a cool-down', async () => {
    const fetcher = vi.fn(async () => 'good')
    const config = field(fetcher, { ttl: 60, staleIfError: 600 })
    await read(config)
    fetcher.mockRejectedValue(new Error('down'))
    ahead += 100
    for (const server of [here, there, here, there, here]) {
      expect(await read(config, server)).toMatchObject({ data: 'good', status: 'degraded', age: 100 })
    }
    expect(fetcher).toHaveBeenCalledTimes(2)
    ahead += 700
    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('a stale value is not refreshed any more once a newer one has taken its place', async () => {
    const fetcher = vi.fn(async () => 'good')
    const config = field(fetcher, { ttl: 60, staleWhileRevalidate: 600, tags: ['people'] })
    await read(config)
    ahead += 100
    expect((await read(config)).status).toBe('stale')
    await invalidateTags(['people'], here.runtime)
    expect((await read(config)).status).toBe('miss')
    const standing = await storedEntry(here.runtime, config.key)
    await finishDeferredWork()
    expect(await storedEntry(here.runtime, config.key)).toEqual(standing)
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('a stale value is never served once it was invalidated', async () => {
    const config = field(async () => 'good', {
      ttl: 60,
      staleWhileRevalidate: 600,
      staleIfError: 600,
      tags: ['people'],
    })
    await read(config)
    await invalidateTags(['people'], here.runtime)
    const failing = { ...config, fetcher: () => Promise.reject<string>(new Error('down')) }
    await expect(read(failing)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})

describe('a forced refresh among processes', () => {
  it('a forced refresh is not undone by an older fetch of another process that ends later', async () => {
    const slow = deferred<string>()
    const reader = read(
      field(() => slow.promise),
      there,
    )
    await expect.poll(() => redis.upstash.counters.byCommand.MSETNX).toBe(1)
    const config = field(async () => 'forced')
    expect(await read(config, here, 'always')).toMatchObject({ data: 'forced', status: 'refreshed' })
    slow.resolve('read before the force')
    expect((await reader).data).toBe('read before the force')
    for (const server of [here, there]) expect((await read(config, server)).data).toBe('forced')
  })

  it('of two forced refreshes that overlap, the value of the later one stays', async () => {
    const slow = deferred<string>()
    const first = vi.fn(async () => (first.mock.calls.length === 1 ? slow.promise : 'fetched again'))
    await read(field(async () => 'before'))
    const earlier = read(field(first), here, 'always')
    await expect.poll(() => first.mock.calls.length).toBe(1)
    expect(
      await read(
        field(async () => 'later'),
        there,
        'always',
      ),
    ).toMatchObject({ data: 'later' })
    slow.resolve('fetched before the later one began')
    expect(await earlier).toMatchObject({ data: 'fetched again', status: 'refreshed' })
    expect(
      (
        await read(
          field(async () => 'unused'),
          there,
        )
      ).data,
    ).toBe('fetched again')
  })

  it('a forced refresh does not store what it fetched before an invalidation', async () => {
    const slow = deferred<string>()
    const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? slow.promise : 'new'))
    const config = field(fetcher, { tags: ['people'] })
    const forced = read(config, here, 'always')
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    await invalidateTags(['people'], there.runtime)
    slow.resolve('old')
    expect((await forced).data).toBe('new')
  })
})

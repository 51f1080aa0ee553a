import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { deferred } from '../../../kit/clock/deferred'
import { field } from '../../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../../kit/fields/fieldServers'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read, pass, freeze, costOf, start } = servers

const free = { commands: 0, requests: 0, bytes: 0 }
const once = { commands: 1, requests: 1 }
const remembered = { memoryTtl: 10, tags: ['people', 'sales', 'madrid'] }

afterEach(() => redis.upstash.faults.clear())

describe('what an answer from memory costs', () => {
  it('nothing within memoryTtl, for the one who fetched and for one who has read', async () => {
    const config = field(async () => ['Ana'], remembered)
    await read(config)
    await read(config, servers.there)
    for (const server of [servers.here, servers.there]) {
      expect(await costOf(() => read(config, server))).toEqual(free)
      expect(await read(config, server)).toMatchObject({ data: ['Ana'], status: 'hit' })
    }
  })

  it.each([10, 1_000_000])('1 in 1 and at most 400 bytes past it, for a value of %d bytes', async (size) => {
    const fetcher = vi.fn(async () => 'x'.repeat(size))
    const config = field(fetcher, { ...remembered, advanced: { compression: false } })
    await read(config)
    pass(11)
    const cost = await costOf(async () => expect((await read(config)).data).toHaveLength(size))
    expect(cost).toMatchObject(once)
    expect(cost.bytes).toBeLessThanOrEqual(400)
    expect(await costOf(() => read(config))).toEqual(free)
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  it('1 in 1 at each read with a memoryTtl of 0', async () => {
    const config = field(async () => 'x'.repeat(10_000), { memoryTtl: 0 })
    await read(config)
    for (let time = 0; time < 3; time += 1) {
      const cost = await costOf(() => read(config))
      expect(cost).toMatchObject(once)
      expect(cost.bytes).toBeLessThanOrEqual(400)
    }
  })

  it('nothing within a second where the field does not say', async () => {
    const { memoryTtl: _, ...config } = field(async () => 1)
    await read(config)
    expect(await costOf(() => read(config))).toEqual(free)
    pass(1)
    expect(await costOf(() => read(config))).toMatchObject(once)
  })

  it('the whole value past its ttl, because another process may have stored a newer one', async () => {
    let version = 1
    const config = field(async () => version, { ...remembered, ttl: 60, memoryTtl: 600 })
    await read(config)
    await read(config, servers.there)
    pass(61)
    version = 2
    await read(config, servers.there)
    expect(await costOf(() => read(config))).toMatchObject(once)
    expect(await read(config)).toMatchObject({ data: 2, status: 'hit' })
  })
})

describe('an invalidation', () => {
  it('is seen by another process after memoryTtl, by its own at once', async () => {
    let version = 1
    const config = field(async () => version, remembered)
    await read(config)
    await read(config, servers.there)
    version = 2
    await invalidateTags(['sales'], servers.here.runtime)
    expect(await read(config)).toMatchObject({ data: 2, status: 'miss' })
    expect(await read(config, servers.there)).toMatchObject({ data: 1, status: 'hit' })
    pass(11)
    expect(await read(config, servers.there)).toMatchObject({ data: 2 })
  })

  it('during a fetch of its own process keeps what that brings out of the memory', async () => {
    const gate = deferred<string>()
    const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? gate.promise : 'new'))
    const config = field(fetcher, remembered)
    const early = read(config)
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    await invalidateTags(['people'], servers.here.runtime)
    gate.resolve('old')
    expect((await early).data).toBe('old')
    expect((await read(config)).data).toBe('new')
  })

  it('by another process is no matter for a copy that is proved after it', async () => {
    const config = field(async () => 1, remembered)
    await read(config)
    await invalidateField({ key: 'something_else' }, servers.there.runtime)
    pass(11)
    expect(await costOf(() => read(config))).toMatchObject(once)
  })
})

describe('a forced refresh', () => {
  it('is what its own process answers with from then on, whatever was on its way before', async () => {
    const gate = deferred<string>()
    const slow = field(() => gate.promise, remembered)
    const early = read(slow)
    await expect.poll(() => redis.upstash.counters.byCommand.MSETNX).toBe(1)
    const forced = field(async () => 'forced', remembered)
    await read(forced, servers.here, 'always')
    gate.resolve('fetched before')
    expect((await early).data).toBe('fetched before')
    expect(await costOf(() => read(forced))).toEqual(free)
    expect((await read(forced)).data).toBe('forced')
  })
})

describe('a forced refresh that overlaps a read of its process', () => {
  it('is what is answered from memory, although that read was sent later', async () => {
    const store = await servers.here.runtime.store()
    const [commit, arrive] = [deferred<void>(), deferred<void>()]
    await read(
      field(async () => 'old', remembered),
      servers.there,
    )
    const committing = vi.fn()
    servers.here.runtime.store = async () => ({
      ...store,
      async writeForced(write) {
        committing()
        await commit.promise
        return store.writeForced(write)
      },
    })
    const config = field(async () => 'forced', remembered)
    const forced = read(config, servers.here, 'always')
    await expect.poll(() => committing.mock.calls.length).toBe(1)
    servers.here.runtime.store = async () => ({
      ...store,
      async read(names) {
        const snapshot = await store.read(names)
        commit.resolve()
        await arrive.promise
        return snapshot
      },
    })
    const early = read(config)
    await forced
    arrive.resolve()
    expect((await early).data).toBe('old')
    servers.here.runtime.store = async () => store
    expect((await read(config)).data).toBe('forced')
  })

  it('with purge, leaves no copy of what it could not replace in any process', async () => {
    const config = field(async () => 'old', remembered)
    await read(config)
    await read(config, servers.there)
    const tooLarge = { ...config, fetcher: async () => randomBytes(11_000_000).toString('base64') }
    await forceRefresh(servers.here.runtime, tooLarge, 'force', { purge: true })
    pass(11)
    const next = { ...config, fetcher: async () => 'next' }
    for (const server of [servers.here, servers.there])
      expect(await read(next, server)).toMatchObject({ data: 'next' })
  })
})

describe('the memory', () => {
  it('gives each caller a value of its own', async () => {
    const config = field(async () => ({ people: ['Ana'] }), remembered)
    for (let time = 0; time < 3; time += 1) {
      const value = (await read(config)).data
      expect(value).toEqual({ people: ['Ana'] })
      value.people.push('spoilt')
    }
  })

  it('is bounded by bytes: the copy that was asked for least recently goes first', async () => {
    const small = await start({ memory: 50_000 })
    const configs = Array.from({ length: 3 }, (_, index) =>
      field(async () => 'x'.repeat(10_000), { ...remembered, key: `field:${index}` }),
    )
    for (const config of configs) await read(config, small)
    const costs: number[] = []
    for (const config of [...configs].reverse())
      costs.push((await costOf(() => read(config, small))).requests)
    expect(costs).toEqual([0, 0, 1])
  })

  it('counts what a value depends on, too', async () => {
    const small = await start({ memory: 50_000 })
    const config = field(async () => 1, {
      ...remembered,
      dependsOn: () => Array.from({ length: 500 }, (_, index) => `product:${index}`),
    })
    await read(config, small)
    expect((await costOf(() => read(config, small))).requests).toBe(1)
  })

  it('is off with 0 bytes', async () => {
    const none = await start({ memory: 0 })
    const config = field(async () => 'x'.repeat(1_000), { ...remembered, advanced: { compression: false } })
    await read(config, none)
    const cost = await costOf(() => read(config, none))
    expect(cost).toMatchObject(once)
    expect(cost.bytes).toBeGreaterThan(1_000)
  })

  it('forgets what is past its windows', async () => {
    const config = field(async () => 1, { ...remembered, ttl: 60, staleIfError: 60 })
    await read(config)
    expect(servers.here.runtime.memoryCache.get('agents_list')).toBeDefined()
    pass(121)
    expect(servers.here.runtime.memoryCache.get('agents_list')).toBeUndefined()
  })

  it('does not answer for a process that stood still, whose own clock has not noticed', async () => {
    let version = 1
    const config = field(async () => version, { ...remembered, ttl: 3_600 })
    await read(config)
    version = 2
    await invalidateTags(['people'], servers.there.runtime)
    freeze(60)
    expect((await read(config)).data).toBe(2)
  })

  it('does not take a value for proved that stood still with its process on the way', async () => {
    const gate = deferred<number>()
    const slow = field(() => gate.promise, { ...remembered, ttl: 3_600 })
    const early = read(slow)
    await expect.poll(() => redis.upstash.counters.byCommand.MSETNX).toBe(1)
    await invalidateTags(['people'], servers.there.runtime)
    freeze(60)
    gate.resolve(1)
    await early
    expect((await read({ ...slow, fetcher: async () => 2 })).data).toBe(2)
  })
})

describe('without Redis', () => {
  const config = field(async () => 'fetched', { ...remembered, ttl: 60, staleIfError: 600 })
  const failing = { ...config, fetcher: () => Promise.reject<string>(new Error('down')) }

  it('a copy answers as degraded for 30 s since it was proved, then one fetch renews it for 30 s', async () => {
    const fetcher = vi.fn(async () => 'fetched')
    const counted = { ...config, ttl: 600, fetcher }
    await read(counted)
    await redis.upstash.faults.set({ kind: 'reset' })
    pass(11)
    expect(await read(counted)).toMatchObject({ status: 'degraded', age: 11 })
    pass(18)
    expect(await read(counted)).toMatchObject({ status: 'degraded', age: 29 })
    expect(fetcher).toHaveBeenCalledTimes(1)
    for (const round of [2, 3]) {
      pass(2)
      expect(await read(counted)).toMatchObject({ status: 'miss', age: 0 })
      pass(29)
      expect(await read(counted)).toMatchObject({ status: 'degraded', age: 29 })
      expect(fetcher).toHaveBeenCalledTimes(round)
    }
  })

  it('a copy past its ttl is fetched anew at once, and answers only when the source fails', async () => {
    await read(config)
    await redis.upstash.faults.set({ kind: 'reset' })
    pass(61)
    const next = { ...config, fetcher: async () => 'next' }
    expect(await read(next)).toMatchObject({ data: 'next', status: 'miss' })
    expect(await read(failing)).toMatchObject({ data: 'next', status: 'degraded' })
  })

  it('within memoryTtl no reader notices', async () => {
    await read(config)
    await redis.upstash.faults.set({ kind: 'reset' })
    expect(await read(failing)).toMatchObject({ data: 'fetched', status: 'hit' })
  })

  it.each([11, 61, 600])(
    'the last good value is served %d s later when the source fails, too',
    async (age) => {
      await read(config)
      await redis.upstash.faults.set({ kind: 'reset' })
      pass(age)
      expect(await read(failing)).toMatchObject({ data: 'fetched', status: 'degraded', age })
    },
  )

  it('past its windows, or in a process that never had it, the failure of the source is told', async () => {
    await read(config)
    await redis.upstash.faults.set({ kind: 'reset' })
    pass(661)
    for (const server of [servers.here, servers.there])
      await expect(read(failing, server)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('what this process has invalidated is not served, even if it could not be recorded', async () => {
    await read(config)
    await redis.upstash.faults.set({ kind: 'reset' })
    await expect(invalidateTags(['people'], servers.here.runtime)).rejects.toThrow()
    await expect(read(failing)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})

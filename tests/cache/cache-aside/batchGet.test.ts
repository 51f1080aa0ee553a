import { describe, expect, it, vi } from 'vitest'
import { type CacheAsideOptions, createCacheAside } from '@/lib/core-services/cache/cacheAside'
import type { AsideRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import { systemClock } from '@/lib/shared/clock'
import { deferred } from '../../kit/clock/deferred'
import { endCoolDowns } from '../../kit/fields/coolDowns'
import { processForEachTest, startFieldProcess, storedEntry } from '../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const server = processForEachTest(redis)

const batchGet = <T>(
  keys: readonly string[],
  source: (missingKeys: string[], context: { signal: AbortSignal }) => Promise<readonly T[]>,
  options: CacheAsideOptions<T | null> = {},
  runtime: AsideRuntime = server.runtime,
) => createCacheAside(() => runtime).batchGet(keys, source, options)

const users = (count: number) => Array.from({ length: count }, (_, index) => `user:${index}`)
const namesOf = (keys: readonly string[]) => keys.map((key) => `name of ${key}`)
const countedSource = () => vi.fn(async (keys: string[]) => namesOf(keys))
const askedFor = (source: ReturnType<typeof countedSource>) => source.mock.calls.map(([keys]) => keys)

/** Nothing is given up for lost because the machine is slow. */
function waitPatiently(): void {
  const sleep = (milliseconds: number, signal?: AbortSignal) => systemClock.sleep(milliseconds * 100, signal)
  server.runtime.ports = { ...server.runtime.ports, clock: { ...systemClock, sleep } }
}

describe('a batch of 100 keys', () => {
  it('calls the source once when all are missing, and Redis in four requests', async () => {
    waitPatiently()
    const source = countedSource()
    expect(await batchGet(users(100), source)).toEqual(namesOf(users(100)))
    expect(askedFor(source)).toEqual([users(100)])
    // The reads; tokens and leases, which make two requests of CACHE_BATCH_SIZE commands side by side; the entries.
    expect(redis.upstash.counters).toMatchObject({ requests: 4, byCommand: { MGET: 1, SET: 300 } })
  })

  it('asks the source for none when all are there', async () => {
    const source = countedSource()
    const options = { ttl: 60 }
    await batchGet(users(100), source, options)
    redis.upstash.resetCounters()
    const other = (await startFieldProcess(redis)).runtime
    redis.upstash.resetCounters()
    expect(await batchGet(users(100), source, options, other)).toEqual(namesOf(users(100)))
    expect(source).toHaveBeenCalledTimes(1)
  })
})

describe('the source of a batch', () => {
  it('is asked for the missing keys only, whether Redis has forgotten them or never knew them', async () => {
    waitPatiently()
    const source = countedSource()
    await batchGet(['user:1', 'user:2', 'user:3'], source)
    const store = await server.runtime.store()
    await store.remove(store.names.entry('user:2'))
    await endCoolDowns(redis)
    const other = (await startFieldProcess(redis)).runtime
    other.ports = { ...other.ports, clock: server.runtime.ports.clock }
    const keys = ['user:4', 'user:3', 'user:2', 'user:1']
    expect(await batchGet(keys, source, {}, other)).toEqual(namesOf(keys))
    expect(askedFor(source).map((asked) => asked.sort())).toEqual([
      ['user:1', 'user:2', 'user:3'],
      ['user:2', 'user:4'],
    ])
  })

  it('is asked once for a key that is given twice', async () => {
    const source = countedSource()
    expect(await batchGet(['user:1', 'user:2', 'user:1'], source)).toEqual(
      namesOf(['user:1', 'user:2', 'user:1']),
    )
    expect(askedFor(source)).toEqual([['user:1', 'user:2']])
  })

  it('is not asked at all for no keys', async () => {
    const source = countedSource()
    expect(await batchGet([], source)).toEqual([])
    expect(source).not.toHaveBeenCalled()
    expect(redis.upstash.counters.requests).toBe(0)
  })

  it('is called for CACHE_BATCH_SIZE keys at a time, while the reads still share their commands', async () => {
    server.runtime.batchSize = 3
    const source = countedSource()
    expect(await batchGet(users(8), source)).toEqual(namesOf(users(8)))
    expect(askedFor(source)).toEqual([users(8).slice(0, 3), users(8).slice(3, 6), users(8).slice(6)])
    expect(redis.upstash.counters.byCommand.MGET).toBe(1)
  })

  it('may have no value for a key: null, which is cached like any other', async () => {
    const source = vi.fn(async () => ['Ana', undefined, null])
    const keys = ['user:1', 'user:2', 'user:3']
    expect(await batchGet(keys, source)).toEqual(['Ana', null, null])
    expect(await batchGet(keys, source)).toEqual(['Ana', null, null])
    expect(source).toHaveBeenCalledTimes(1)
  })

  it.each([
    ['fewer values than keys', ['one'], 'it answered 1 values for 2 keys'],
    ['more values than keys', ['1', '2', '3'], 'it answered 3 values for 2 keys'],
    ['no list', 'two' as unknown as string[], 'its answer is no list'],
  ])('is refused when it answers %s, and nothing is stored', async (_, values, reason) => {
    const batch = batchGet(['user:1', 'user:2'], async () => values, { name: 'users' })
    await expect(batch).rejects.toMatchObject({
      code: 'SOURCE_INVALID',
      message: expect.stringMatching(`"users".*${reason}`),
    })
    expect(await storedEntry(server.runtime, 'user:1')).toBeNull()
  })

  it('that fails rejects the batch, is left alone for all its keys, and costs Redis one request more', async () => {
    const source = vi.fn(() => Promise.reject<string[]>(new Error('connection reset')))
    await expect(batchGet(users(40), source)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    await expect.poll(() => redis.upstash.counters.byCommand.EVAL).toBe(40)
    expect(redis.upstash.counters.requests).toBe(3)
    await expect(batchGet(users(40), source)).rejects.toThrow('failed a moment ago')
    expect(source).toHaveBeenCalledTimes(1)
  })

  it('learns by its signal that nobody waits any longer', async () => {
    server.runtime.refreshTimeoutMs = 60
    let signal: AbortSignal | undefined
    const batch = batchGet<string>(users(3), (_, context) => {
      signal = context.signal
      return new Promise(() => undefined)
    })
    await expect(batch).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT' })
    await expect.poll(() => signal?.aborted).toBe(true)
  })
})

describe('batches that meet', () => {
  it('of one process fetch each key once', async () => {
    const gate = deferred<void>()
    const source = vi.fn(async (keys: string[]) => {
      await gate.promise
      return namesOf(keys)
    })
    const first = batchGet(['user:1', 'user:2'], source)
    const second = batchGet(['user:3', 'user:2', 'user:1'], source)
    await expect.poll(() => source.mock.calls.length).toBe(2)
    gate.resolve()
    expect(await first).toEqual(namesOf(['user:1', 'user:2']))
    expect(await second).toEqual(namesOf(['user:3', 'user:2', 'user:1']))
    expect(askedFor(source).flat().sort()).toEqual(['user:1', 'user:2', 'user:3'])
  })

  it('of two processes too: what the other one fetches is waited for', async () => {
    const gate = deferred<void>()
    const there = vi.fn(async (keys: string[]) => {
      await gate.promise
      return keys.map(() => 'fetched there')
    })
    const here = vi.fn(async (keys: string[]) => keys.map(() => 'fetched here'))
    const other = (await startFieldProcess(redis)).runtime
    const theirs = batchGet(['user:1', 'user:2'], there, {}, other)
    await expect.poll(() => there.mock.calls.length).toBe(1)

    const ours = batchGet(['user:2', 'user:3', 'user:1'], here)
    await expect.poll(() => here.mock.calls.length).toBe(1)
    gate.resolve()
    expect(await ours).toEqual(['fetched there', 'fetched here', 'fetched there'])
    expect(await theirs).toEqual(['fetched there', 'fetched there'])
    expect(askedFor(there)).toEqual([['user:1', 'user:2']])
    expect(askedFor(here)).toEqual([['user:3']])
  })

  it('wait for each other without end for no key, even if each has begun what the other one needs', async () => {
    const source = countedSource()
    const readSingly = (key: string) =>
      createCacheAside(() => server.runtime).get(key, async () => `name of ${key}`)
    const reads = [
      batchGet(['user:1', 'user:2', 'user:3'], source),
      readSingly('user:4'),
      batchGet(['user:3', 'user:4', 'user:1', 'user:5'], source),
      batchGet(['user:5', 'user:2'], source),
    ]
    expect(await Promise.all(reads)).toHaveLength(4)
    expect(askedFor(source).flat().sort()).toEqual(['user:1', 'user:2', 'user:3', 'user:5'])
  })
})

describe('a batch of stale keys', () => {
  it('is answered at once, and refreshed in the background by one call', async () => {
    let passed = 0
    const background: Promise<void>[] = []
    server.runtime.ports = {
      ...server.runtime.ports,
      clock: { ...systemClock, now: () => systemClock.now() + passed },
      defer: (work) => {
        background.push(work())
      },
    }
    const options = { ttl: 10, staleWhileRevalidate: 60 }
    await batchGet(users(5), async (keys) => keys.map(() => 'old'), options)
    passed = 15_000
    const source = vi.fn(async (keys: string[]) => keys.map(() => 'new'))
    expect(await batchGet(users(5), source, options)).toEqual(users(5).map(() => 'old'))
    await Promise.all(background)
    expect(askedFor(source)).toEqual([users(5)])
    expect(await batchGet(users(5), source, options)).toEqual(users(5).map(() => 'new'))
  })
})

describe('a batch during an invalidation', () => {
  it('leaves nothing behind that was fetched before it', async () => {
    const gate = deferred<string[]>()
    const source = vi.fn((_: string[]) => gate.promise)
    const batch = batchGet(['user:1', 'user:2'], source)
    await expect.poll(() => source.mock.calls.length).toBe(1)
    await createCacheAside(() => server.runtime).invalidate('user:2')
    gate.resolve(['old 1', 'old 2'])
    await batch
    const fresh = vi.fn(async (keys: string[]) => keys.map(() => 'new'))
    expect(await batchGet(['user:1', 'user:2'], fresh)).toEqual(['old 1', 'new'])
    expect(askedFor(fresh)).toEqual([['user:2']])
  })
})

describe('a batch without Redis', () => {
  it('is one call of the source, shared with all that come while it runs', async () => {
    await redis.killEngine()
    const gate = deferred<void>()
    const source = vi.fn(async (keys: string[]) => {
      await gate.promise
      return namesOf(keys)
    })
    const batches = Array.from({ length: 10 }, () => batchGet(users(20), source))
    await expect.poll(() => server.events.of('redis.degraded').length).toBe(200)
    gate.resolve()
    for (const values of await Promise.all(batches)) expect(values).toEqual(namesOf(users(20)))
    expect(source).toHaveBeenCalledTimes(1)
    await redis.reviveEngine()
  })
})

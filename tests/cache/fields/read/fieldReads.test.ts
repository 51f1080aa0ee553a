import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { systemClock } from '@/lib/shared/clock'
import { codedError } from '@/lib/shared/errors'
import { deferred } from '../../../kit/clock/deferred'
import { cacheFor } from '../../../kit/fields/cache'
import { field, processForEachTest, startFieldProcess, storedEntry } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const server = processForEachTest(redis)

describe('reading a field', () => {
  it('a miss fetches, and later reads are hits with the same value', async () => {
    const fetcher = vi.fn(async () => ['Ana', 'Berta'])
    const miss = await server.read(field(fetcher))
    const hit = await server.read(field(fetcher))
    expect(miss).toMatchObject({ data: ['Ana', 'Berta'], status: 'miss', age: 0 })
    expect(hit).toMatchObject({ data: ['Ana', 'Berta'], status: 'hit', timings: { sourceMs: 0 } })
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  it('a miss and later hits give equal values, even those that JSON changes', async () => {
    const config = field<unknown>(async () => ({ at: new Date(0), gone: undefined, list: [-0] }))
    const miss = await server.read(config)
    const hit = await server.read(config)
    expect(miss.data).toStrictEqual({ at: '1970-01-01T00:00:00.000Z', list: [0] })
    expect(hit.data).toStrictEqual(miss.data)
  })

  it.each([0, false, '', null, []])('%j is cached like any other value', async (value) => {
    const fetcher = vi.fn(async () => value)
    await server.read(field<unknown>(fetcher))
    expect(await server.read(field<unknown>(fetcher))).toMatchObject({
      data: value,
      status: 'hit',
    })
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  it('100 concurrent cold reads share one fetch, and each reader gets a value of its own', async () => {
    const gate = deferred<string[]>()
    const fetcher = vi.fn(() => gate.promise)
    const reads = Array.from({ length: 100 }, () => server.read(field(fetcher)))
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    gate.resolve(['Ana'])
    const answers = await Promise.all(reads)
    expect(fetcher).toHaveBeenCalledTimes(1)
    answers[0]?.data.push('changed by one reader')
    expect(answers[1]?.data).toEqual(['Ana'])
  })

  it('age and ttl count from the start of the fetch', async () => {
    let now = 1_000_000
    server.runtime.ports = {
      ...server.runtime.ports,
      clock: { ...systemClock, now: () => now, monotonic: () => performance.now() },
    }
    const fetcher = vi.fn(async () => {
      now += 4_000
      return 'slow'
    })
    expect(await server.read(field(fetcher, { ttl: 30 }))).toMatchObject({
      age: 4,
    })
    now += 25_000
    expect(await server.read(field(fetcher, { ttl: 30 }))).toMatchObject({
      status: 'hit',
      age: 29,
    })
    now += 1_000
    expect(await server.read(field(fetcher, { ttl: 30 }))).toMatchObject({
      status: 'miss',
    })
  })

  it('the entry gets its ttl in Redis, or none where it is for ever', async () => {
    const { cache } = cacheFor(redis)
    await cache.initialize()
    await server.read(field(async () => 1, { ttl: 300 }))
    expect(await cache.ttl('agents_list')).toBeGreaterThan(290)
    await server.read(field(async () => 1, { key: 'constants', ttl: 'forever' }))
    expect(await cache.ttl('constants')).toBe(-1)
  })

  it('when the source fails every reader is rejected, nothing is stored, and it is asked again after the cool-down', async () => {
    const fetcher = vi.fn(async (): Promise<string> => {
      throw new Error('connection reset')
    })
    const reads = [1, 2, 3].map(() => server.read(field(fetcher)))
    for (const read of await Promise.allSettled(reads)) {
      expect(read).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'SOURCE_FAILED',
          message: expect.stringContaining('"agents" failed: connection reset'),
        },
      })
    }
    fetcher.mockImplementation(async () => 'back')
    await expect(server.read(field(fetcher))).rejects.toThrow('failed a moment ago')
    expect(fetcher).toHaveBeenCalledTimes(1)
    await redis.flush()
    expect(await server.read(field(fetcher))).toMatchObject({
      data: 'back',
      status: 'miss',
    })
  })

  it('control-flow errors of the framework pass untouched, and are not reported as failures', async () => {
    const signal = new Error('Dynamic server usage')
    server.runtime.ports = { ...server.runtime.ports, isControlFlow: (error) => error === signal }
    const config = field(() => Promise.reject<string>(signal))
    await expect(server.read(config)).rejects.toBe(signal)
    await expect(server.read(config, 'always')).rejects.toBe(signal)
    expect(server.events.of('refresh.failed')).toEqual([])
  })

  it('a timeout inside the source is reported as a timeout, not as a failure', async () => {
    const late = codedError('AIRTABLE_TIMEOUT', 'a page took too long')
    await expect(server.read(field(() => Promise.reject<string>(late)))).rejects.toMatchObject({
      code: 'SOURCE_TIMEOUT',
      message: expect.stringContaining('a page took too long'),
    })
  })

  it('a ttl that Redis could not keep is refused', async () => {
    const config = field(async () => 1, { ttl: 0.5 })
    await expect(server.read(config)).rejects.toMatchObject({
      code: 'FIELD_INVALID',
    })
  })

  it('a fetcher that does not end in time is left behind, and its signal is aborted', async () => {
    server.runtime.refreshTimeoutMs = 20
    let signal: AbortSignal | undefined
    const config = field((context) => {
      signal = context.signal
      return new Promise<string>(() => undefined)
    })
    await expect(server.read(config)).rejects.toMatchObject({
      code: 'SOURCE_TIMEOUT',
    })
    expect(signal?.aborted).toBe(true)
  })
})

describe('text of another program under the key of a field', () => {
  it.each([
    ['text', 'garbage'],
    ['an entry of another release', '{"v":1,"at":1,"d":[]}'],
    ['half a header', 'fc2 {"at":1,'],
    ['a header of another shape', 'fc2 {"at":"yesterday","rev":"r","tok":{}}\n1'],
    ['a header without tokens', 'fc2 {"at":1,"rev":"r","tok":{}}\n1'],
  ])('%s under the key of a field is a miss, and is replaced', async (_, text) => {
    const { cache } = cacheFor(redis)
    await cache.initialize()
    await cache.redis.set('test:v1:agents_list', text)
    const config = field(async () => 'good')
    expect(await server.read(config)).toMatchObject({
      data: 'good',
      status: 'miss',
    })
    expect(await server.read(config)).toMatchObject({
      data: 'good',
      status: 'hit',
    })
  })

  it('a value that claims to be fetched in the far future is a miss', async () => {
    const config = field(async () => 'now')
    const { runtime } = server
    const { clock } = runtime.ports
    runtime.ports = { ...runtime.ports, clock: { ...clock, now: () => clock.now() + 86_400_000 } }
    await readFieldCache(config, 'never', runtime)
    runtime.ports = { ...runtime.ports, clock }
    expect(await readFieldCache(config, 'never', runtime)).toMatchObject({ status: 'miss', age: 0 })
  })

  it('a value that was cut off is a miss, although its tokens hold', async () => {
    const config = field(async () => ['a', 'b'])
    await server.read(config)
    const store = await server.runtime.store()
    const name = store.names.entry('agents_list')
    const text = (await store.read([name])).get(name) ?? ''
    await store.write(name, text.slice(0, -3), 60)
    const other = await startFieldProcess(redis)
    expect(await other.read(config)).toMatchObject({
      data: ['a', 'b'],
      status: 'miss',
    })
  })

  it('a key that holds another type than a string does not keep the field from being read', async () => {
    const { cache } = cacheFor(redis)
    await cache.initialize()
    await cache.rpush('agents_list', 1)
    expect(await server.read(field(async () => 'good'))).toMatchObject({ data: 'good' })
  })
})

describe('a schema', () => {
  const schema = z.array(z.object({ id: z.string() }))

  it('a schema refuses a value of the wrong shape, names the place, and nothing is stored', async () => {
    const config = field<unknown>(async () => [{ id: 'a' }, { id: 2 }], { schema })
    await expect(server.read(config)).rejects.toMatchObject({
      code: 'SOURCE_INVALID',
      message: expect.stringContaining('1.id:'),
    })
    expect(await storedEntry(server.runtime, 'agents_list')).toBeNull()
  })

  it('a stored value that no longer fits the schema is a miss', async () => {
    await server.read(field<unknown>(async () => ['old shape']))
    const config = field(async () => [{ id: 'new shape' }], { schema })
    expect(await server.read(config)).toMatchObject({
      data: [{ id: 'new shape' }],
      status: 'miss',
    })
    expect(server.events.of('field.rejected').length).toBeGreaterThan(0)
    expect(await server.read(config)).toMatchObject({ status: 'hit' })
  })

  it('a stored value on which the schema throws is a miss', async () => {
    await server.read(field<unknown>(async () => ({ old: true })))
    const trips = z
      .object({})
      .loose()
      .refine((value) => (value as { list: string[] }).list.length > 0)
    const config = field<unknown>(async () => ({ list: ['new'] }), { schema: trips })
    expect(await server.read(config)).toMatchObject({ status: 'miss' })
  })

  it('a value that the schema would refuse after JSON is refused at once', async () => {
    const config = field<unknown>(async () => ({ at: new Date(0) }), { schema: z.object({ at: z.date() }) })
    await expect(server.read(config)).rejects.toMatchObject({
      code: 'SOURCE_INVALID',
    })
  })

  it('readers get what the schema makes of a value, fetched or stored', async () => {
    const config = field<{ at: Date }>(async () => ({ at: new Date(0) }), {
      schema: z.object({ at: z.coerce.date() }),
    })
    const [miss, hit] = [await server.read(config), await server.read(config)]
    expect([miss.data.at, hit.data.at]).toEqual([new Date(0), new Date(0)])
  })
})

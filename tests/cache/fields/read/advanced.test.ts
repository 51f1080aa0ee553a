import { afterEach, describe, expect, it, vi } from 'vitest'
import type { FetchContext, FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { deferred } from '../../../kit/clock/deferred'
import { field, storedEntry } from '../../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../../kit/fields/fieldServers'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read, pass } = servers

afterEach(() => redis.upstash.faults.clear())

/** A source that answers with one after the other, the last one for ever. */
const answering = <T>(...answers: readonly T[]) => {
  let calls = 0
  return vi.fn(async () => {
    calls += 1
    return answers[Math.min(calls, answers.length) - 1] as T
  })
}
const failing = <T>(config: FieldCacheConfig<T>): FieldCacheConfig<T> => ({
  ...config,
  fetcher: () => Promise.reject<T>(new Error('down')),
})

describe('negativeTtl', () => {
  const windows = { ttl: 600, staleWhileRevalidate: 600, staleIfError: 600 }
  const advanced = { negativeTtl: 10 }

  it.each([0, 60])(
    'a null is fresh for negativeTtl and not served past it (memoryTtl %d)',
    async (memoryTtl) => {
      const config = field(answering(null, 'there now'), { ...windows, memoryTtl, advanced })
      await read(config)
      pass(9)
      expect(await read(config)).toMatchObject({ data: null, status: 'hit' })
      pass(2)
      expect(await read(config)).toMatchObject({ data: 'there now', status: 'miss' })
      pass(599)
      expect((await read(config)).status).toBe('hit')
    },
  )

  it('past negativeTtl a reader gets the failure of the source', async () => {
    const config = field(answering(null), { ...windows, advanced })
    await read(config)
    pass(11)
    await expect(read(failing(config))).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('without negativeTtl a null is a value like any other', async () => {
    const config = field(answering(null, 'there now'), windows)
    await read(config)
    pass(599)
    expect(await read(config)).toMatchObject({ data: null, status: 'hit' })
    pass(2)
    expect(await read(config)).toMatchObject({ data: null, status: 'stale' })
  })

  it('a reader does not wait for its own lease once negativeTtl is over', async () => {
    const config = field(answering(null, 'there now'), { ...windows, advanced: { negativeTtl: 1 } })
    await read(config)
    pass(2)
    expect(await read(config, servers.there)).toMatchObject({ data: 'there now', status: 'miss' })
    expect(servers.there.events.of('lease.held')).toEqual([])
  })
})

describe('expiresAt', () => {
  interface Signed {
    url: string
    until: number
  }
  const now = () => servers.here.runtime.ports.clock.now()
  const signed = (seconds: number, rest: Partial<FieldCacheConfig<Signed>> = {}) =>
    field(async () => ({ url: 'https://files.test/photo', until: now() + seconds * 1000 }), {
      ttl: 7_200,
      ...rest,
      advanced: { expiresAt: ({ until }) => until, ...rest.advanced },
    })

  it('expiresAt ends a value before its ttl', async () => {
    const config = signed(3_600)
    await read(config)
    pass(3_590)
    expect((await read(config)).status).toBe('hit')
    pass(20)
    expect((await read(config)).status).toBe('miss')
  })

  it('expiresAt ends the windows: stale only before it, degraded never past it', async () => {
    const config = signed(3_600, { staleWhileRevalidate: 600, staleIfError: 86_400 })
    await read(config)
    pass(2_990)
    expect((await read(config)).status).toBe('hit')
    pass(20)
    expect((await read(config)).status).toBe('stale')
    pass(600)
    await expect(read(failing(config))).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('expiresAt ends a value in memory, too, and one whose ttl is for ever', async () => {
    const config = signed(3_600, { ttl: 'forever', memoryTtl: 86_400 })
    await read(config)
    pass(3_590)
    expect((await read(config)).status).toBe('hit')
    pass(20)
    expect((await read(config)).status).toBe('miss')
  })

  it('without Redis memory serves nothing past expiresAt', async () => {
    const config = signed(3_600, { staleIfError: 86_400 })
    await read(config)
    await redis.upstash.faults.set({ kind: 'reset' })
    pass(3_610)
    await expect(read(failing(config))).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('a value that has already expired goes to the reader that asked, and no other waits for it', async () => {
    const config = signed(-10)
    expect((await read(config)).status).toBe('miss')
    expect(await storedEntry(servers.here.runtime, 'agents_list')).toBeNull()
    await servers.finishDeferredWork()
    expect((await read(config, servers.there)).status).toBe('miss')
    expect(servers.there.events.of('lease.held')).toEqual([])
    expect((await read(config, servers.here, 'always')).status).toBe('miss')
    expect(servers.here.events.of('refresh.skipped').map(({ why }) => why)).toEqual(['expired', 'expired'])
  })

  it.each([undefined, Number.POSITIVE_INFINITY])(
    'an expiresAt of %s leaves the ttl as it is',
    async (end) => {
      const config = field(async () => 'for ever', { ttl: 60, advanced: { expiresAt: () => end } })
      await read(config)
      expect((await read(config, servers.there)).status).toBe('hit')
    },
  )

  it('an expiresAt that is not a time is reported as a mistake, and nothing is stored', async () => {
    const config = field(async () => 1, { advanced: { expiresAt: () => Number.NaN } })
    await expect(read(config)).rejects.toMatchObject({
      code: 'SOURCE_INVALID',
      message: expect.stringContaining('expiresAt'),
    })
  })
})

describe('accept', () => {
  const people = ['Ana', 'Ben', 'Cleo', 'Dan']
  const accept = vi.fn(
    (next: string[], previous: string[] | undefined) => !previous || next.length * 2 >= previous.length,
  )
  const config = (
    fetcher: FieldCacheConfig<string[]>['fetcher'],
    rest: Partial<FieldCacheConfig<string[]>> = {},
  ) => field(fetcher, { ...rest, advanced: { accept } })

  it('accept gets the new value, the stored one and the reason', async () => {
    accept.mockClear()
    const field = config(answering(people), { staleWhileRevalidate: 60 })
    await read(field)
    pass(61)
    await read(field)
    await servers.finishDeferredWork()
    await read(field, servers.there, 'always')
    expect(accept.mock.calls).toEqual([
      [people, undefined, 'miss'],
      [people, people, 'stale'],
      [people, people, 'force'],
    ])
  })

  it('a value that accept refuses counts as a failure of the source: the last good value is served', async () => {
    const field = config(answering(people, []), { staleIfError: 600 })
    await read(field)
    pass(61)
    expect(await read(field)).toMatchObject({ data: people, status: 'degraded' })
    expect(await read(field, servers.there)).toMatchObject({ data: people, status: 'degraded' })
    expect(servers.here.events.of('refresh.failed')).toMatchObject([{ code: 'SOURCE_INVALID' }])
  })

  it('a force whose value accept refuses fails, and keeps the stored value', async () => {
    const field = config(answering(people, []))
    await read(field)
    await expect(read(field, servers.here, 'always')).rejects.toMatchObject({ code: 'SOURCE_INVALID' })
    expect(await read(field, servers.there)).toMatchObject({ data: people, status: 'hit' })
  })

  it('accept may be asynchronous, and may fail', async () => {
    const slow = field(async () => 1, { advanced: { accept: async () => true } })
    expect((await read(slow)).data).toBe(1)
    const trips = field(async () => 1, {
      key: 'trips',
      advanced: { accept: () => Promise.reject(new Error('no previous')) },
    })
    await expect(read(trips)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})

describe('deadlines', () => {
  it('softTimeoutMs serves the last good value while the fetch goes on, then the new one', async () => {
    const gate = deferred<string>()
    const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? 'old' : gate.promise))
    const config = field(fetcher, { staleIfError: 600, advanced: { softTimeoutMs: 10 } })
    await read(config)
    pass(61)
    expect(await read(config)).toMatchObject({ data: 'old', status: 'degraded', age: 61 })
    expect(await read(config)).toMatchObject({ data: 'old', status: 'degraded' })
    gate.resolve('new')
    await servers.finishDeferredWork()
    expect(await read(config, servers.there)).toMatchObject({ data: 'new', status: 'hit' })
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('a reader with no other value waits past softTimeoutMs', async () => {
    const gate = deferred<string>()
    const config = field(() => gate.promise, { staleIfError: 600, advanced: { softTimeoutMs: 10 } })
    const waiting = read(config)
    await expect.poll(() => servers.here.events.of('refresh.started')).toHaveLength(1)
    gate.resolve('first')
    expect(await waiting).toMatchObject({ data: 'first', status: 'miss' })
  })

  it('a source that fails after softTimeoutMs causes no error for a reader that was served', async () => {
    const gate = deferred<string>()
    const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? 'old' : gate.promise))
    const config = field(fetcher, { staleIfError: 600, advanced: { softTimeoutMs: 10 } })
    await read(config)
    pass(61)
    expect((await read(config)).status).toBe('degraded')
    await expect.poll(() => fetcher).toHaveBeenCalledTimes(2)
    gate.reject(new Error('down'))
    await servers.finishDeferredWork()
    expect(servers.here.events.of('refresh.failed')).toHaveLength(1)
  })

  it('timeoutMs ends the fetch and aborts its signal', async () => {
    let context: FetchContext | undefined
    const config = field(
      (given) => {
        context = given
        return new Promise<string>(() => undefined)
      },
      { advanced: { timeoutMs: 100 } },
    )
    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT' })
    expect(context?.signal.aborted).toBe(true)
  })
})

describe('serveInvalidatedOnError', () => {
  const config = field(async () => 'old', { ttl: 60, staleIfError: 600, tags: ['people'] })
  const serving = { ...config, advanced: { serveInvalidatedOnError: true } }

  it('without serveInvalidatedOnError an invalidated value is never served', async () => {
    await read(config)
    await invalidateTags(['people'], servers.there.runtime)
    await expect(read(failing(config))).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('serveInvalidatedOnError serves an invalidated value as degraded when the source fails, within the windows', async () => {
    await read(serving)
    await invalidateTags(['people'], servers.there.runtime)
    for (const server of [servers.here, servers.there, servers.here])
      expect(await read(failing(serving), server)).toMatchObject({ data: 'old', status: 'degraded' })
    pass(661)
    await expect(read(failing(serving))).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('serveInvalidatedOnError serves no invalidated value while the source answers', async () => {
    await read(serving)
    await invalidateTags(['people'], servers.there.runtime)
    expect(await read({ ...serving, fetcher: async () => 'new' })).toMatchObject({
      data: 'new',
      status: 'miss',
    })
  })
})

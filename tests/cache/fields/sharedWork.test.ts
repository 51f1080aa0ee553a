/** Callers share a piece of work only if nothing that it does could differ between them. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { redisQuota } from '@/lib/core-services/cache/errors'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import {
  type AnyField,
  defineFields,
  type FetchContext,
  type FieldCacheConfig,
} from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { shareKey } from '@/lib/core-services/cache/fields/shareKey'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../kit/clock/deferred'
import { field } from '../../kit/fields/fieldProcess'

const test = await createTestCache()
beforeEach(() => test.reset())

/** Reads two pages, one in each refresh: the answer tells which version each of them had. */
function twoParts() {
  const source = { version: 1, hold: Promise.resolve() }
  const fetcher: FieldCacheConfig<string>['fetcher'] = async ({ resume, pause, reason }) => {
    const before = await resume()
    if (reason === 'force') await source.hold
    return before === null ? pause(`${source.version}`, 'page 1') : `${before} ${source.version}`
  }
  const config = field(fetcher, { ttl: 3_600 })
  const outcome = (reason: 'force' | 'cron') =>
    forceRefresh(test.runtime, config, reason).then(
      ({ entry }) => entry.body,
      (error) => error.code,
    )
  return { source, outcome }
}

describe('a force that waits for its turn', () => {
  it('brings nothing that the cron has read minutes before it was asked for, though the cron waits as well', async () => {
    const { source, outcome } = twoParts()
    expect(await outcome('cron')).toBe('SOURCE_UNFINISHED')
    test.clock.advance(300_000)
    source.version = 2
    const gate = deferred<void>()
    source.hold = gate.promise
    const [running, cron, asked] = [outcome('force'), outcome('cron'), outcome('force')]
    gate.resolve()
    expect(await running).toBe('SOURCE_UNFINISHED')
    expect([await cron, await asked]).toEqual(['"2 2"', '"2 2"'])
  })

  it.each<[string, Partial<AnyField>[]]>([
    ['ttl', [{ ttl: 60 }, { ttl: 3_600 }]],
    ['tags', [{ tags: ['a'] }, { tags: ['b'] }]],
    ['schema', [{ schema: z.string() }, { schema: z.unknown() }]],
    ['deadline', [{ advanced: { timeoutMs: 1_000 } }, { advanced: { timeoutMs: 2_000 } }]],
    ['windows', [{ staleWhileRevalidate: 60 }, { staleIfError: 60 }]],
  ])('shares it with one of the same %s alone', async (_, [one, other]) => {
    const gate = deferred<string>()
    const fetcher = vi.fn(() => gate.promise)
    const force = (rest: Partial<AnyField> = {}) =>
      forceRefresh(test.runtime, field<unknown>(fetcher, rest), 'force')
    const all = [force(one), force(one), force(other), force(one), force(other)]
    gate.resolve('value')
    await Promise.all(all)
    // One that ran, and one that waited of each kind.
    expect(fetcher).toHaveBeenCalledTimes(3)
  })

  it('stores for the ttl that it asked for', async () => {
    const gate = deferred<string>()
    const config = (ttl: number) => field(() => gate.promise, { ttl })
    const fetcher = config(60).fetcher
    const force = (ttl: number) => forceRefresh(test.runtime, { ...config(ttl), fetcher }, 'force')
    const all = [force(60), force(60), force(3_600)]
    gate.resolve('value')
    await Promise.all(all)
    expect(await test.cache.ttl('agents_list')).toBe(3_600)
  })

  it('purges what Redis refuses to replace only if it asked for that', async () => {
    const gate = deferred<string>()
    const fetcher = vi.fn(() => gate.promise)
    const force = (purge: boolean) => forceRefresh(test.runtime, field(fetcher), 'force', { purge })
    const all = [force(false), force(false), force(true)]
    gate.resolve('value')
    await Promise.all(all)
    expect(fetcher).toHaveBeenCalledTimes(3)
  })
})

describe('what is the same request', () => {
  const make = (rest: Partial<AnyField> = {}): AnyField =>
    field<unknown>(async () => 'value', { name: 'twice', key: 'twice', ...rest })

  it('is that of a configured field, whichever evaluation of its module it comes from', () => {
    const [first] = defineFields([make({ schema: z.string() })]) as [AnyField]
    const [second] = defineFields([make({ schema: z.string() })]) as [AnyField]
    expect(first.fetcher).not.toBe(second.fetcher)
    expect(shareKey(first, 'force')).toBe(shareKey(second, 'force'))
    expect(shareKey(make({ schema: z.string() }), 'force')).not.toBe(shareKey(second, 'force'))
    expect(shareKey({ ...first, ttl: 1 }, 'force')).not.toBe(shareKey(second, 'force'))
  })

  it('does not depend on what only the reader acts on, nor on the order of options', () => {
    const { ttl, ...rest } = make()
    const reordered = { ...rest, memoryTtl: 5, access: 'public' as const, anonymousForce: 60, ttl }
    expect(shareKey(reordered)).toBe(shareKey({ ...rest, ttl }))
  })

  it('tells options apart that are written alike, and ends with one that holds itself', () => {
    const advanced: Record<string, unknown> = {}
    advanced.itself = advanced
    expect(shareKey({ advanced })).toBe(shareKey({ advanced }))
    expect(shareKey({ tags: ['a,b'] })).not.toBe(shareKey({ tags: ['a', 'b'] }))
    expect(shareKey({ ttl: '1' })).not.toBe(shareKey({ ttl: 1 }))
  })
})

describe('progress of forces', () => {
  it('counts for two minutes from the first fetch, however often it pauses', async () => {
    let first = 0
    const fetcher: FieldCacheConfig<string>['fetcher'] = async ({ resume, pause }) => {
      const before = await resume()
      if (before === null) first += 1
      return pause(`${first}`, 'some more')
    }
    const starts: number[] = []
    for (let part = 0; part < 5; part += 1) {
      await forceRefresh(test.runtime, field(fetcher, { ttl: 3_600 }), 'force').catch(() => undefined)
      starts.push(first)
      test.clock.advance(50_000)
    }
    // At 0, 50 and 100 s; at 150 s it began anew.
    expect(starts).toEqual([1, 1, 1, 2, 2])
  })

  /** Tells of each fetch who read, and what it went on with. */
  function readers() {
    const read: string[] = []
    const goOn = async ({ resume, pause }: FetchContext, who: string): Promise<string> => {
      const before = await resume()
      read.push(`${who} after ${before ?? 'nothing'}`)
      return before === null ? pause(who, 'half of it') : `${before} ${who}`
    }
    return { read, goOn }
  }

  it('is gone on with by the fetcher alone that has left it, written anew for each call or not', async () => {
    const { read, goOn } = readers()
    const one = () => field((context) => goOn(context, 'one'), { ttl: 3_600 })
    const other = field((context) => goOn(context, 'other'), { ttl: 3_600 })
    for (const config of [one(), other, one(), other])
      await forceRefresh(test.runtime, config, 'force').catch(() => undefined)
    expect(read).toEqual([
      'one after nothing',
      'other after nothing',
      'one after one',
      // What stands by then is as new as what it has left.
      'other after nothing',
    ])
  })

  it.each([false, true])(
    'is none of the half that a caller without the token has read, of a configured field: %s',
    async (configured) => {
      const { read, goOn } = readers()
      const config = field((context) => goOn(context, context.anonymous ? 'anonymous' : 'admin'), {
        ttl: 3_600,
        anonymousForce: 60,
      })
      if (configured) defineFields([config])
      for (const force of ['anonymous', 'always'] as const)
        await test.read(config, force).catch(() => undefined)
      expect(read).toEqual(['anonymous after nothing', 'admin after nothing'])
    },
  )
})

describe('readers who join the fetch of another one', () => {
  const gate = () => deferred<unknown>()

  it('are not failed by a value that only the other one takes', async () => {
    const held = gate()
    const numbers = test.read(field(() => held.promise as Promise<number>, { schema: z.number() }))
    const texts = test.read(field(async () => 'a text', { schema: z.string() }))
    held.resolve(1)
    expect((await numbers).data).toBe(1)
    expect((await texts).data).toBe('a text')
  })

  it('are not failed by it without Redis either', async () => {
    test.down()
    const held = gate()
    const read = <T>(fetcher: () => Promise<T>, schema: FieldCacheConfig<T>['schema']) =>
      test.read(field(fetcher, schema && { schema }))
    const all = [
      read(() => held.promise as Promise<number>, z.number()),
      read(async () => 2, z.number()),
      read<unknown>(async () => 'a text', z.string() as never),
    ]
    held.resolve(1)
    expect((await Promise.all(all)).map(({ data }) => data)).toEqual([1, 2, 'a text'])
  })

  it('and warm a key do not claim that it is stored when the other one could not store it', async () => {
    const held = gate()
    const store = await test.runtime.store()
    const full = { ...store, write: () => Promise.reject(redisQuota('ERR DB capacity quota exceeded')) }
    const runtime = { ...test.runtime, store: async () => full }
    const fetched = vi.fn(() => held.promise)
    const reading = readFieldCache(
      field<unknown>(fetched, { key: 'k', name: 'cache-aside', ttl: 3_600 }),
      'never',
      runtime,
    )
    await expect.poll(() => fetched).toHaveBeenCalled()
    const warming = createCacheAside(() => runtime).warm([{ key: 'k', loader: async () => 'unused' }])
    await expect.poll(() => test.events.of('field.lookup').length).toBe(2)
    held.resolve('value')
    await reading
    expect(await warming).toEqual([{ key: 'k', outcome: 'not-stored' }])
  })
})

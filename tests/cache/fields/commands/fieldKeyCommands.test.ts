/** The keys of fields through the commands of the app: one view of a key, whichever door. */
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { readFieldStates } from '@/lib/core-services/cache/operations/fieldStates'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../../kit/clock/deferred'
import { countingField, field, storedEntry } from '../../../kit/fields/fieldProcess'

const test = await createTestCache()
const { cache } = test
beforeEach(() => test.reset())
afterEach(() => defineFields([]))

const KEY = 'agents_list'
const read = <T>(config: FieldCacheConfig<T>, at: Pick<typeof test, 'read'> = test) => at.read(config)

const namesInRedis = async () =>
  (await cache.redis.scan(0, { count: 1_000 }))[1].filter((name) => !name.includes('~lease'))

describe('get, mget, exists and ttl of a field', () => {
  const views = async (key = KEY) => ({
    get: await cache.get(key),
    mget: (await cache.mget('absent', key))[1],
    exists: await cache.exists(key),
    isKept: ((await cache.ttl(key)) ?? -2) > 0,
  })
  const gone = { get: null, mget: null, exists: 0, isKept: false }

  it('answer the value before its schema while it was not invalidated, and agree', async () => {
    const config = field<unknown>(async () => ({ cents: 500 }), {
      tags: ['people'],
      schema: z.object({ cents: z.number() }).transform(({ cents }) => ({ euros: cents / 100 })),
    })
    expect(await views()).toEqual(gone)
    expect((await read(config)).data).toEqual({ euros: 5 })
    expect(await views()).toEqual({
      get: { cents: 500 },
      mget: { cents: 500 },
      exists: 1,
      isKept: true,
    })
    expect(await cache.attempt((redis) => redis.lookup(KEY))).toMatchObject({
      value: { found: true, value: { cents: 500 } },
    })
    await invalidateTags(['people'], test.runtime)
    expect(await views()).toEqual(gone)
    expect(await cache.attempt((redis) => redis.lookup(KEY))).toMatchObject({ value: { found: false } })
    const [value, exists] = await cache.pipeline((redis) => [redis.get(KEY), redis.exists(KEY)])
    expect([value, exists]).toMatchObject([{ value: null }, { value: 0 }])
  })

  it('see through compression, and through encryption where the key is known', async () => {
    const secret = await createTestCache({ encryptionKeys: [randomBytes(32)] })
    const people = Array.from({ length: 2_000 }, (_, id) => ({ id, name: 'Ana' }))
    const config = field(async () => people, { advanced: { encrypt: true } })
    defineFields([{ ...config, name: 'agents' }])
    await secret.read(config)
    expect(await secret.cache.get(KEY)).toEqual(people)
    expect(await secret.cache.exists(KEY)).toBe(1)
    const { cache: stranger } = await secret.another()
    expect(await stranger.get(KEY)).toBeNull()
    expect(await stranger.exists(KEY)).toBe(0)
    await read(field(async () => people))
    expect(await cache.get(KEY)).toEqual(people)
  })

  it('see an entry of many tags, whose header is long', async () => {
    const tags = Array.from({ length: 500 }, (_, id) => `tag-of-an-entry-${id}`)
    await read(field(async () => 1, { tags }))
    expect(await cache.exists(KEY, KEY, 'absent')).toBe(2)
    await invalidateTags(tags.slice(-1), test.runtime)
    expect(await cache.exists(KEY, KEY, 'absent')).toBe(0)
  })

  it('see an entry of as many tags as there can be, each as long as it can be', async () => {
    const tags = Array.from({ length: 1_000 }, (_, id) => `${id}`.padEnd(250, '界'))
    const config = field(async () => 1, { tags: tags.slice(0, 1), dependsOn: () => tags.slice(1) })
    await read(config)
    expect(await views()).toEqual({ get: 1, mget: 1, exists: 1, isKept: true })
    expect(await readFieldStates(test.runtime, [config])).toMatchObject({ fields: [{ condition: 'fresh' }] })
    await invalidateTags(tags.slice(-1), test.runtime)
    expect(await views()).toEqual(gone)
    expect(await readFieldStates(test.runtime, [config])).toMatchObject({
      fields: [{ condition: 'invalidated' }],
    })
    test.clock.advance(60_000)
    expect(await read(config)).toMatchObject({ status: 'miss' })
    expect(await cache.expire(KEY, 10)).toBe(1)
    expect(await cache.set(KEY, 2)).toBe('OK')
    expect(await views()).toMatchObject({ get: 2, exists: 1 })
    expect(await cache.del(KEY)).toBe(1)
    expect(await views()).toEqual(gone)
  })

  it('do not take an invalidated entry for one that is there when Redis refuses to show it', async () => {
    const { config } = countingField()
    await read(config)
    await invalidateField(config, test.runtime)
    const { cache: own } = await test.another({
      ports: {
        fetch: async (url, init) =>
          new TextDecoder().decode(init?.body as Uint8Array).includes('"GETRANGE"')
            ? Response.json([{ error: 'ERR max request size exceeded' }])
            : test.runtime.ports.fetch(url, init),
      },
    })
    const refused = { ok: false, error: { code: 'REDIS_TOO_LARGE' } }
    expect(await own.attempt((redis) => redis.exists(KEY))).toMatchObject(refused)
    expect(await own.attempt((redis) => redis.ttl(KEY))).toMatchObject(refused)
  })

  it('do not trip over keys of other kinds', async () => {
    await cache.hset('hash', 'a', 1)
    expect(await cache.exists('hash')).toBe(1)
    expect(await cache.ttl('hash')).toBe(-1)
  })
})

describe('set of a field', () => {
  it.each([
    ['set', () => cache.set(KEY, 42)],
    ['mset', () => cache.mset({ [KEY]: 42, plain: 1 })],
    ['attempt', () => cache.attempt((redis) => redis.set(KEY, 42))],
    ['pipeline and set', () => cache.pipeline((redis) => [redis.set(KEY, 42), redis.incr('n')])],
    ['pipeline and mset', () => cache.pipeline((redis) => [redis.mset({ [KEY]: 42, plain: 1 })])],
  ])('(%s) replaces the value for every reader, past memoryTtl', async (_, set) => {
    const { config, fetcher } = countingField({ tags: ['people'], memoryTtl: 1 })
    const other = await test.another()
    await read(config)
    await read(config, other)
    await set()
    expect(await read(config)).toMatchObject({ data: 42, status: 'hit', age: 0 })
    test.clock.advance(1_001)
    expect(await read(config, other)).toMatchObject({ data: 42, status: 'hit' })
    expect(await cache.get(KEY)).toBe(42)
    expect(fetcher).toHaveBeenCalledTimes(1)
    await invalidateTags(['people'], test.runtime)
    expect(await read(config)).toMatchObject({ data: 2, status: 'miss' })
  })

  it('of a family whose tags this process does not know is fetched anew by readers that name some', async () => {
    const { config } = countingField({ tags: ['people'], memoryTtl: 1 })
    const other = await test.another()
    await read(config, other)
    expect(await cache.set(KEY, 42)).toBe('OK')
    expect((await read(field(async () => 1))).data).toBe(42)
    test.clock.advance(1_001)
    expect(await read(config, other)).toMatchObject({ data: 2, status: 'miss' })
  })

  it('of a configured field is one before it was ever read, with what its value depends on', async () => {
    const config = field(async () => 1, { name: 'agents', tags: ['people'], dependsOn: (n) => [`n:${n}`] })
    defineFields([config as FieldCacheConfig<unknown>])
    expect(await cache.set(KEY, 42)).toBe('OK')
    expect(await read(config)).toMatchObject({ data: 42, status: 'hit' })
    await invalidateTags(['n:42'], test.runtime)
    expect((await read(config)).data).toBe(1)
  })

  it('that tells a tag which cannot be used is refused, and breaks no read after it', async () => {
    const config = field(async () => 'chair', { name: 'agents', dependsOn: (name) => [`product:${name}`] })
    defineFields([config as FieldCacheConfig<unknown>])
    await read(config)
    await expect(cache.set(KEY, 'chair\n(new)')).rejects.toMatchObject({
      code: 'SOURCE_INVALID',
      message: expect.stringContaining('dependsOn answered a tag that cannot be used'),
    })
    expect(await read(config)).toMatchObject({ data: 'chair', status: 'hit' })
  })

  it('ends with the expiry that was given, and within the windows of the field', async () => {
    const { config } = countingField({ ttl: 600 })
    await read(config)
    await cache.set(KEY, 42, 10)
    expect(await cache.ttl(KEY)).toBe(10)
    test.clock.advance(9_000)
    expect((await read(config)).data).toBe(42)
    test.clock.advance(1_001)
    expect(await read(config)).toMatchObject({ data: 2, status: 'miss' })
    await cache.set(KEY, 43, { px: 5_500 })
    expect((await read(config)).data).toBe(43)
    await cache.set(KEY, 44, { keepTtl: true })
    test.clock.advance(600_000)
    expect(await read(config)).toMatchObject({ data: 3, status: 'miss' })
  })

  it('keeps to nx, xx and get as Redis does, by what readers see', async () => {
    const { config } = countingField()
    await read(config)
    expect(await cache.set(KEY, 42, { nx: true })).toBeNull()
    expect(await cache.set(KEY, 42, { nx: true, get: true })).toBe(1)
    expect((await read(config)).data).toBe(1)
    expect(await cache.set(KEY, 43, { xx: true, get: true })).toBe(1)
    await invalidateField(config, test.runtime)
    expect(await cache.set(KEY, 44, { xx: true })).toBeNull()
    expect(await cache.set(KEY, 45, { nx: true })).toBe('OK')
    expect((await read(config)).data).toBe(45)
    const [set] = await cache.pipeline((redis) => [redis.set(KEY, 46, { get: true })])
    expect(set).toEqual({ ok: true, value: 45 })
    expect((await read(config)).data).toBe(46)
  })

  it('is checked by the schema of each reader', async () => {
    const config = field(async () => 'fetched', { schema: z.string() })
    await read(config)
    await cache.set(KEY, 42)
    expect(await cache.get(KEY)).toBe(42)
    expect((await read(config)).data).toBe('fetched')
  })

  it.each([
    ['of its own process is not stored', true, { data: 42, status: 'hit' }],
    ['of another process is served to no later reader', false, { data: 2, status: 'miss' }],
  ])('a fetch that began before it %s', async (_, own, expected) => {
    const slow = deferred<number>()
    const asked = deferred<void>()
    const slowly = field(() => {
      asked.resolve()
      return slow.promise
    })
    const early = read(slowly, own ? test : await test.another())
    await asked.promise
    test.clock.advance(1)
    await cache.set(KEY, 42)
    slow.resolve(1)
    expect((await early).data).toBe(1)
    expect(await read(field(async () => 2))).toMatchObject(expected)
  })

  it.each([
    ['set', () => cache.set(KEY, 'other')],
    ['mset', () => cache.mset({ [KEY]: 'other' })],
  ])('(%s) drops what this process has in memory, also where Redis has lost the token', async (_, set) => {
    const { config } = countingField({ memoryTtl: 60 })
    expect((await read(config)).data).toBe(1)
    await cache.redis.del(`test:v1~token:key:${KEY}`)
    await set()
    expect(await read(config)).toMatchObject({ data: 2, status: 'miss' })
  })

  it('stores nothing beside a plain key', async () => {
    await cache.set('plain', 1)
    await cache.mset({ plain: 1, more: 2 })
    await cache.del('more')
    await cache.pipeline((redis) => [redis.set('plain', 1)])
    expect(await namesInRedis()).toEqual(['test:v1:plain'])
  })

  it('is refused by a Redis that is gone, and then the own memory drops nothing that it does not know of', async () => {
    const { config } = countingField({ memoryTtl: 60 })
    await read(config)
    test.down()
    expect(await cache.set(KEY, 42)).toBeNull()
    expect(await read(config)).toMatchObject({ data: 1, status: 'hit' })
  })
})

it('expire ends the value of a field everywhere', async () => {
  const { config } = countingField({ memoryTtl: 1 })
  const other = await test.another()
  await read(config)
  await read(config, other)
  expect(await cache.expire(KEY, 10)).toBe(1)
  expect(await cache.ttl(KEY)).toBe(10)
  test.clock.advance(9_000)
  for (const process of [test, other]) expect((await read(config, process)).data).toBe(1)
  test.clock.advance(1_001)
  expect((await read(config, other)).data).toBe(2)
  await invalidateField(config, test.runtime)
  expect(await cache.expire(KEY, 10)).toBe(0)
  await cache.set('plain', 1)
  expect(await cache.expire('plain', 5)).toBe(1)
  expect((await storedEntry(test.runtime, 'plain')) ?? (await cache.ttl('plain'))).toBe(5)
})

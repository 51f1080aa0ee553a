/** A deleted value is served to no reader, by whichever command it was deleted and wherever it is. */
import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { redisQuota } from '@/lib/core-services/cache/errors'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../../kit/clock/deferred'
import { countingField, field } from '../../../kit/fields/fieldProcess'

const test = await createTestCache()
const { cache } = test
beforeEach(() => test.reset())

const KEY = 'agents_list'
const TOKEN = 'test:v1~token:key:agents_list'
const read = <T>(config: FieldCacheConfig<T>, at: Pick<typeof test, 'read'> = test) => at.read(config)

const namesInRedis = async () =>
  (await cache.redis.scan(0, { count: 1_000 }))[1].filter((name) => !name.includes('~lease'))

const DELETIONS: [string, (key: string) => Promise<unknown>][] = [
  ['del', (key) => cache.del(key)],
  ['delete', (key) => cache.delete(key)],
  ['deleteByPattern', (key) => cache.deleteByPattern(`${key.slice(0, 5)}*`)],
  ['attempt and del', (key) => cache.attempt((redis) => redis.del(key))],
  [
    'attempt and deleteByPattern',
    (key) => cache.attempt((redis) => redis.deleteByPattern(`${key.slice(0, 5)}*`)),
  ],
  ['pipeline and del', (key) => cache.pipeline((redis) => [redis.del(key)])],
  [
    'invalidatePattern',
    (key) => createCacheAside(() => test.runtime).invalidatePattern(`${key.slice(0, 5)}*`),
  ],
]

describe.each(DELETIONS)('a deletion by %s', (_, remove) => {
  it('serves the old value to no reader past memoryTtl, though Redis has evicted the entry', async () => {
    const { config } = countingField({ memoryTtl: 1 })
    const other = await test.another()
    await read(config)
    await read(config, other)
    await cache.redis.del('test:v1:agents_list')
    await remove(KEY)
    expect((await read(config)).data).toBe(2)
    test.clock.advance(1_001)
    expect(await read(config, other)).toMatchObject({ data: 2, status: 'hit' })
  })

  it('serves to no reader what another release keeps aside', async () => {
    const { fetcher } = countingField()
    const next = await test.another({ deployment: 'next' })
    const config = field(fetcher, { ttl: 86_400, schema: z.number() })
    await read(field(async () => 'text', { ttl: 60 }))
    expect((await read(config, next)).data).toBe(1)
    test.clock.advance(61_000)
    await remove(KEY)
    test.clock.advance(5_000)
    expect((await read(config, next)).data).toBe(2)
  })

  it('reaches a value that is only being fetched', async () => {
    const slow = deferred<string>()
    const asked = deferred<void>()
    const config = field(() => {
      asked.resolve()
      return slow.promise
    })
    const early = read(config, await test.another())
    await asked.promise
    await remove(KEY)
    slow.resolve('old')
    await early
    expect(await read(field(async () => 'new'))).toMatchObject({ data: 'new', status: 'miss' })
  })

  it('drops the memory of its own process, and what that is fetching, though Redis refuses', async () => {
    const { config, fetcher } = countingField({ memoryTtl: 60, staleIfError: 600 })
    await read(config)
    test.down()
    await remove(KEY).catch(() => undefined)
    fetcher.mockRejectedValue(new Error('down'))
    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})

it('a deletion writes a new token instead of deleting the old one, and none for a key that was never a field', async () => {
  const { config } = countingField()
  await read(config)
  const before = await cache.redis.get(TOKEN)
  expect(await cache.del(KEY)).toBe(1)
  const after = await cache.redis.get(TOKEN)
  expect(after).not.toBeNull()
  expect(after).not.toBe(before)
  await cache.set('plain', 1)
  expect(await cache.del('plain', 'absent')).toBe(1)
  expect(await cache.deleteByPattern('absent*')).toBe(0)
  expect(await namesInRedis()).toEqual([TOKEN])
  // A late duplicate of the command that has created the old one brings nothing back.
  await cache.redis.msetnx({ [TOKEN]: String(before) })
  expect(await cache.redis.get(TOKEN)).toBe(after)
})

it('a deletion answers how many keys were there, of whatever kind, and 0 with one event when Redis is gone', async () => {
  const aside = createCacheAside(() => test.runtime)
  for (const key of ['orders:1', 'orders:2', 'orders:3']) await aside.get(key, async () => key)
  await cache.set('orders:plain', 1)
  expect(await cache.del('orders:1', 'absent')).toBe(1)
  expect(await cache.deleteByPattern('orders:*')).toBe(3)
  expect(await cache.deleteByPattern('orders:*')).toBe(0)
  test.down()
  expect(await cache.del('orders:2')).toBe(0)
  expect(test.events.of('redis.degraded')).toMatchObject([{ operation: 'del' }])
  expect(await cache.attempt((redis) => redis.del('orders:2'))).toMatchObject({ ok: false })
})

it('purge removes the old value by a new token, too', async () => {
  const { config } = countingField({ memoryTtl: 1 })
  const other = await test.another()
  await read(config, other)
  const before = await cache.redis.get(TOKEN)
  const refusing = async () => ({
    ...(await test.runtime.store()),
    writeForced: () => Promise.reject(redisQuota('ERR DB capacity quota exceeded')),
  })
  const { stored } = await forceRefresh({ ...test.runtime, store: refusing }, config, 'force', {
    purge: true,
  })
  expect(stored).toBe(false)
  expect(await cache.redis.get(TOKEN)).not.toBeOneOf([before, null])
  test.clock.advance(1_001)
  expect((await read(config, other)).data).toBe(3)
})

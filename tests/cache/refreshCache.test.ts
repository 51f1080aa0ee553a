import { randomBytes } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { getFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { refreshCache } from '@/lib/core-services/cache/refreshCache'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import '@/lib/core-services/serviceLoader'
import { setEnvironment } from '../kit/process/environment'
import { redisForThisFile } from '../kit/redis/redisSuite'

const redis = redisForThisFile()
let fetched = 0

const prices: FieldCacheConfig<number[]> = {
  name: 'prices',
  key: 'prices_list',
  ttl: 60,
  memoryTtl: 0,
  schema: z.array(z.number()),
  fetcher: async () => {
    fetched += 1
    return [fetched]
  },
}

beforeAll(async () => {
  setEnvironment({
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    CACHE_COMMAND_TIMEOUT_MS: '2000',
    AIRTABLE_API_KEY: 'pat',
  })
  defineFields([prices])
})
beforeEach(async () => {
  await redis.flush()
  fetched = 0
})

describe('getFieldCache', () => {
  it('returns the value alone, stored or fetched, or fetched by force', async () => {
    expect(await getFieldCache(prices)).toEqual([1])
    expect(await getFieldCache(prices)).toEqual([1])
    expect(await getFieldCache(prices, true)).toEqual([2])
    expect(await getFieldCache(prices)).toEqual([2])
  })
})

describe('refreshCache', () => {
  it('fetches, stores for the ttl, and returns the value', async () => {
    expect(await refreshCache('session:123', async () => ({ userId: 'abc' }), 90)).toEqual({ userId: 'abc' })
    const cache = await serviceRegistry.getService('cache')
    expect(await cache.ttl('session:123')).toBeGreaterThan(80)
  })

  it('stores an entry of the field when the key belongs to one', async () => {
    expect(await refreshCache('prices_list', async () => [7], 60)).toEqual([7])
    expect(await getFieldCache(prices)).toEqual([7])
    expect(fetched).toBe(0)
  })

  it('holds the value to the schema of the field', async () => {
    await expect(refreshCache('prices_list', async () => ['seven'], 60)).rejects.toMatchObject({
      code: 'SOURCE_INVALID',
    })
    expect(await getFieldCache(prices)).toEqual([1])
  })

  it.each([false, true])(
    'leaves the stored value alone when the fetcher fails, with purge %s',
    async (purge) => {
      await getFieldCache(prices)
      const failing = () => Promise.reject<number[]>(new Error('down'))
      await expect(refreshCache('prices_list', failing, 60, purge)).rejects.toMatchObject({
        code: 'SOURCE_FAILED',
      })
      expect(await getFieldCache(prices)).toEqual([1])
    },
  )

  it('removes the old value with purge when Redis does not take the new one, and only then', async () => {
    const cache = await serviceRegistry.getService('cache')
    const tooLarge = async () => randomBytes(11_000_000).toString('base64')
    for (const [purge, left] of [
      [false, 1],
      [true, 0],
    ] as const) {
      await refreshCache('big', async () => 'old', 60)
      await refreshCache('big', tooLarge, 60, purge)
      expect(await cache.exists('big')).toBe(left)
    }
  })
})

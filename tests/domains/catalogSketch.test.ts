/** A system that is still to come, as a sketch: if it needed more than configuration, the engine would lack something. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createDomainCache } from '@/lib/core-services/cache/cache-aside/domainCache'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import type { FieldRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import { buildKey } from '@/lib/core-services/cache/keys'
import { cacheFor } from '../kit/fields/cache'
import { processForEachTest, startFieldProcess } from '../kit/fields/fieldProcess'
import { redisForThisFile } from '../kit/redis/redisSuite'

interface Offer {
  productIds: string[]
  text: string
}

/** Events make an entry a miss in every process at once, so none answers from memory without asking. */
const memoryTtl = 0

/** Seconds. `services` and `static` live by events; the safety ttl mends those that got lost, 0 leaves it to the events. */
function createCatalog(runtime: () => FieldRuntime, safetySeconds = 43_200) {
  const cache = createDomainCache(['services', 'static', 'volatile'], runtime)
  const safety = safetySeconds === 0 ? 'forever' : safetySeconds
  const productTag = (id: string) => `product:${id}`
  const offers = (key: string, fetcher: () => Promise<Offer>): FieldCacheConfig<Offer> => ({
    name: 'catalog-services',
    key: buildKey('services', key),
    ttl: safety,
    memoryTtl,
    dependsOn: ({ productIds }) => productIds.map(productTag),
    fetcher,
  })
  return {
    getServices: (key: string, fetcher: () => Promise<Offer>) => cache.read('services', offers(key, fetcher)),
    getStatic: (key: string, fetcher: () => Promise<string>) =>
      cache.read('static', {
        name: 'catalog-static',
        key: buildKey('services', 'static', key),
        ttl: safety,
        memoryTtl,
        tags: ['catalog-static'],
        fetcher,
      }),
    getVolatile: (key: string, fetcher: () => Promise<number>) =>
      cache.read('volatile', {
        name: 'catalog-volatile',
        key: buildKey('services', 'volatile', key),
        ttl: 60,
        fetcher,
      }),
    invalidateProducts: (ids: string[]) => cache.invalidateTags(ids.map(productTag)),
    invalidateStatic: () => cache.invalidateTags(['catalog-static']),
    getMetrics: cache.getMetrics,
  }
}

const redis = redisForThisFile()
const server = processForEachTest(redis)
let catalog: ReturnType<typeof createCatalog>
beforeEach(() => {
  catalog = createCatalog(() => server.runtime)
})

const offer =
  (text: string, ...productIds: string[]) =>
  async (): Promise<Offer> => ({ productIds, text })
const readText = async (key: string, fetcher: () => Promise<Offer>) =>
  (await catalog.getServices(key, fetcher)).text

describe('a catalog with three buckets', () => {
  it('drops by product only the entries that depend on it, in every process (S1-14)', async () => {
    await readText('internet', offer('old', 'Product_A_ID', 'Product_B_ID'))
    await readText('mobile', offer('old', 'Product_B_ID'))
    await catalog.getStatic('terms', async () => 'old')

    const elsewhere = createCatalog(
      await startFieldProcess(redis).then(
        ({ runtime }) =>
          () =>
            runtime,
      ),
    )
    await elsewhere.invalidateProducts(['Product_A_ID'])

    expect(await readText('internet', offer('new', 'Product_A_ID'))).toBe('new')
    expect(await readText('mobile', offer('new', 'Product_B_ID'))).toBe('old')
    expect(await catalog.getStatic('terms', async () => 'new')).toBe('old')
  })

  it('forgets a dependency that a newer value no longer has', async () => {
    await readText('internet', offer('first', 'Product_A_ID'))
    await catalog.invalidateProducts(['Product_A_ID'])
    await readText('internet', offer('second', 'Product_B_ID'))
    await catalog.invalidateProducts(['Product_A_ID'])
    expect(await readText('internet', offer('third'))).toBe('second')
    await catalog.invalidateProducts(['Product_B_ID'])
    expect(await readText('internet', offer('third'))).toBe('third')
  })

  it('keeps services and static for the safety ttl, for ever when that is 0, and volatile for a minute (S1-10, S1-11)', async () => {
    const { cache } = cacheFor(redis)
    await cache.initialize()
    const ttls = async () => {
      await readText('internet', offer('any', 'Product_A_ID'))
      await catalog.getStatic('terms', async () => 'any')
      await catalog.getVolatile('stock', async () => 7)
      const keys = ['services:internet', 'services:static:terms', 'services:volatile:stock']
      return Promise.all(keys.map((key) => cache.ttl(key)))
    }
    expect(await ttls()).toEqual([43_200, 43_200, 60].map((seconds) => expect.closeTo(seconds, -1)))
    await redis.flush()
    server.runtime = (await startFieldProcess(redis)).runtime
    catalog = createCatalog(() => server.runtime, 0)
    expect(await ttls()).toEqual([-1, -1, expect.closeTo(60, -1)])
  })

  it('asks the source once for a hundred users after an invalidation (S1-13)', async () => {
    await readText('internet', offer('old', 'Product_A_ID'))
    await catalog.invalidateProducts(['Product_A_ID'])
    const source = vi.fn(offer('new', 'Product_A_ID'))
    const users = Array.from({ length: 100 }, () => readText('internet', () => source()))
    expect(new Set(await Promise.all(users))).toEqual(new Set(['new']))
    expect(source).toHaveBeenCalledTimes(1)
  })

  it('counts hits and misses by bucket, and its invalidations (S1-15)', async () => {
    await readText('internet', offer('any', 'Product_A_ID'))
    await readText('internet', offer('any', 'Product_A_ID'))
    await catalog.getStatic('terms', async () => 'any')
    await catalog.invalidateStatic()
    await catalog.getStatic('terms', async () => 'any')
    await catalog.getVolatile('stock', async () => 7)
    await catalog.invalidateProducts(['Product_A_ID', 'Product_B_ID'])
    expect(catalog.getMetrics()).toEqual({
      services: { hits: 1, misses: 1 },
      static: { hits: 0, misses: 2 },
      volatile: { hits: 0, misses: 1 },
      invalidations: 2,
    })
  })

  it.each([0, '', false, null])('takes %j for an answer like any other (C2)', async (value) => {
    const fetcher = vi.fn(async () => value as never)
    await catalog.getVolatile('stock', fetcher)
    expect(await catalog.getVolatile('stock', fetcher)).toBe(value)
    expect(fetcher).toHaveBeenCalledTimes(1)
  })
})

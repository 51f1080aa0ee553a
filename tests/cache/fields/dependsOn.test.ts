import { describe, expect, it, vi } from 'vitest'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { sendOnce } from '@/local/engine/sendOnce'
import { deferred } from '../../kit/clock/deferred'
import { field } from '../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../kit/fields/fieldServers'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read, pass, costOf, start } = servers

type Page = number[]
const dependsOn = (page: Page) => page.map((product) => `product:${product}`)
const catalog = (fetcher: FieldCacheConfig<Page>['fetcher'], rest: Partial<FieldCacheConfig<Page>> = {}) =>
  field(fetcher, { tags: ['catalog'], dependsOn, ...rest })

// A configured field: the own token of a member of a family costs a command more.
defineFields([catalog(async () => [])])

/** As a field that was configured without `dependsOn` before reads it. */
const storeFirst = async (page: Page) => {
  await read(catalog(async () => page))
  await servers.finishDeferredWork()
}

describe('an invalidation of a dependency', () => {
  it('makes exactly the entries with it misses, in every process', async () => {
    const first = catalog(async () => [1, 2], { key: 'page:1' })
    const second = catalog(async () => [2, 3], { key: 'page:2' })
    for (const server of [servers.here, servers.there])
      for (const config of [first, second]) await read(config, server)
    await invalidateTags(['product:1'], servers.here.runtime)
    expect((await read(first, servers.there)).status).toBe('miss')
    for (const server of [servers.here, servers.there, await start()]) {
      expect((await read(first, server)).status).toBe('hit')
      expect((await read(second, server)).status).toBe('hit')
    }
  })

  it('is seen from memory by its own process at once', async () => {
    const config = catalog(async () => [1], { memoryTtl: 60 })
    await read(config)
    expect(await costOf(() => read(config))).toMatchObject({ commands: 0, requests: 0 })
    await invalidateTags(['product:1'], servers.here.runtime)
    expect((await read(config)).status).toBe('miss')
  })

  it.each([
    ['that no process knew before', []],
    ['that was captured before it', [1]],
  ])('during the fetch, of one %s, keeps the value from all who come later', async (_, before) => {
    await storeFirst(before)
    pass(61)
    const gate = deferred<Page>()
    const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? gate.promise : [1, 2]))
    const config = catalog(fetcher)
    const early = read(config)
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    await invalidateTags(['product:1'], servers.there.runtime)
    gate.resolve([1])
    expect((await early).data).toEqual([1])
    expect((await read(config, servers.there)).data).toEqual([1, 2])
    expect((await read(config)).data).toEqual([1, 2])
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  it('of another field during each fetch does not keep a value from ever being stored', async () => {
    const config = catalog(async () => {
      await invalidateTags(['unrelated'], servers.there.runtime)
      return [1, 2]
    })
    await read(config)
    await read(config)
    expect((await read(config)).status).toBe('hit')
  })
})

describe('dependencies', () => {
  it('follow the value: what it no longer has does not concern it', async () => {
    let page = [1, 2]
    const config = catalog(async () => page)
    await read(config)
    page = [2, 3]
    await invalidateTags(['product:1'], servers.here.runtime)
    expect((await read(config)).data).toEqual([2, 3])
    await invalidateTags(['product:1'], servers.there.runtime)
    expect((await read(config)).status).toBe('hit')
    await invalidateTags(['product:3'], servers.there.runtime)
    expect((await read(config)).status).toBe('miss')
  })

  it('may be none, and the same as a tag', async () => {
    const config = catalog(async () => [], { dependsOn: () => ['catalog', 'catalog'] })
    await read(config)
    expect((await read(config)).status).toBe('hit')
    await invalidateTags(['catalog'], servers.there.runtime)
    expect((await read(config)).status).toBe('miss')
    const none = catalog(async () => [], { key: 'empty_page' })
    await read(none)
    expect((await read(none)).status).toBe('hit')
  })

  it('may be 1,000; more are refused, and no other process waits for it', async () => {
    const page = (length: number) => Array.from({ length }, (_, index) => index)
    const most = catalog(async () => page(1_000))
    await read(most)
    expect((await read(most)).status).toBe('hit')
    const more = catalog(async () => page(1_001), { key: 'too_many' })
    for (const [server, code] of [
      [servers.here, 'SOURCE_INVALID'],
      // The source is left alone for a while, as after any failure.
      [servers.there, 'SOURCE_FAILED'],
    ] as const) {
      await expect(read(more, server)).rejects.toMatchObject({ code })
      await servers.finishDeferredWork()
    }
    expect(servers.there.events.of('lease.held')).toEqual([])
  })

  it('whose token was evicted cost a fetch', async () => {
    const config = catalog(async () => [1])
    await read(config)
    await sendOnce(redis.engine.url, ['DEL', 'test:v1~token:tag:product:1'])
    expect((await read(config)).status).toBe('miss')
    await read(config)
    expect((await read(config)).status).toBe('hit')
  })

  it.each([0, 60])(
    'that a field gets later do not cover what was stored before (memoryTtl %d)',
    async (memoryTtl) => {
      await read(field(async () => [1], { tags: ['catalog'], memoryTtl }))
      const config = catalog(async () => [1, 2], { memoryTtl })
      expect(await read(config)).toMatchObject({ data: [1, 2], status: 'miss' })
      expect((await read(config)).status).toBe('hit')
    },
  )

  it('that Redis could not be asked for keep the value from being stored, and no reader waits for it', async () => {
    await redis.upstash.faults.set({ kind: 'error', match: 'product' })
    const config = catalog(async () => [1])
    expect(await read(config)).toMatchObject({ data: [1], status: 'miss' })
    await redis.upstash.faults.clear()
    await servers.finishDeferredWork()
    expect(await read(config, servers.there)).toMatchObject({ data: [1], status: 'miss' })
    expect(servers.there.events.of('lease.held')).toEqual([])
  })
})

describe('a forced refresh of a field with dependencies', () => {
  it('is stored with them', async () => {
    const config = catalog(async () => [1])
    expect((await read(config, servers.here, 'always')).status).toBe('refreshed')
    expect((await read(config, servers.there)).status).toBe('hit')
    await invalidateTags(['product:1'], servers.there.runtime)
    expect((await read(config)).status).toBe('miss')
  })

  it.each([
    ['that is new', []],
    ['that was there before', [1]],
  ])('fetches again when one %s is invalidated meanwhile', async (_, before) => {
    await storeFirst(before)
    const gate = deferred<Page>()
    const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? gate.promise : [1, 2]))
    const forced = read(catalog(fetcher), servers.here, 'always')
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    await invalidateTags(['product:1'], servers.there.runtime)
    gate.resolve([1])
    expect(await forced).toMatchObject({ data: [1, 2], status: 'refreshed' })
  })
})

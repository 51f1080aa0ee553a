/** Tags belong to the entry, whichever configuration reads it, and stay with it when it is refreshed. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { readFieldStates } from '@/lib/core-services/cache/operations/fieldStates'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../kit/clock/deferred'
import { field, storedEntry } from '../../kit/fields/fieldProcess'

const test = await createTestCache()
beforeEach(() => test.reset())

const read = <T>(config: FieldCacheConfig<T>, at = test) => at.read(config)
const tagsOf = async () => Object.keys((await storedEntry(test.runtime, 'agents_list'))?.tokens ?? {}).sort()

/** A source that counts, and its field under some tags. */
function counting() {
  const fetcher = vi.fn(async () => fetcher.mock.calls.length)
  const under = (...tags: string[]) => field(fetcher, { tags, ttl: 600 })
  return { fetcher, under }
}

const TAGS = Array.from({ length: 900 }, (_, id) => `x${String(id).padStart(3, '0')}`)

describe('an invalidation of a tag under which an entry is stored', () => {
  it('makes the key a miss, whichever configuration reads it', async () => {
    const aside = createCacheAside(() => test.runtime)
    let version = 1
    const load = async () => version
    await aside.warm([{ key: 'orders:7', loader: load, options: { tags: ['customer:1'] } }])
    version = 2
    await invalidateTags(['customer:1'], test.runtime)
    expect((await aside.get('orders:7', load)).data).toBe(2)
  })

  it('is seen by a copy in the memory of a reader that does not name it, past memoryTtl', async () => {
    const { under } = counting()
    const other = await test.another()
    await read(under('people'))
    const reader = { ...under(), memoryTtl: 1 }
    await read(reader, { ...test, ...other })
    await invalidateTags(['people'], test.runtime)
    test.clock.advance(1_001)
    expect(await read(reader, { ...test, ...other })).toMatchObject({ data: 2, status: 'miss' })
  })

  it('shows on the admin page although the field there names other tags', async () => {
    const { under } = counting()
    await read(under('people'))
    await invalidateTags(['people'], test.runtime)
    const { fields } = await readFieldStates(test.runtime, [under()])
    expect(fields).toMatchObject([{ condition: 'invalidated' }])
    await read(under('people'))
    const { fields: later } = await readFieldStates(test.runtime, [under('sales')])
    expect(later).toMatchObject([{ condition: 'invalidated' }])
  })

  it('is seen where only the value has told of it, by a reader without dependsOn', async () => {
    const { fetcher } = counting()
    await read(field(fetcher, { dependsOn: () => ['product:1'] }))
    await invalidateTags(['product:1'], test.runtime)
    expect(await read(field(fetcher))).toMatchObject({ data: 2, status: 'miss' })
  })

  it('lets no later reader join a fetch that began before it, with or without dependsOn', async () => {
    await read(field(async () => 'first', { ttl: 1, dependsOn: () => ['product:1'] }))
    test.clock.advance(1_500)
    const slow = deferred<string>()
    const asked = deferred<void>()
    const plain = (fetcher: () => Promise<string>) => field(fetcher, { ttl: 1 })
    const early = read(
      plain(() => {
        asked.resolve()
        return slow.promise
      }),
    )
    await asked.promise
    await invalidateTags(['product:1'], test.runtime)
    expect((await read(plain(async () => 'new'))).data).toBe('new')
    slow.resolve('old')
    expect((await early).data).toBe('old')
  })
})

describe('a refresh', () => {
  it('for readers that come first together stores the tags of all of them', async () => {
    const { fetcher, under } = counting()
    const readers = [under('a'), under('a', 'b')]
    await Promise.all(readers.map((reader) => read(reader)))
    const before = fetcher.mock.calls.length
    test.runtime.memoryCache.dropAll()
    for (const reader of readers) expect((await read(reader)).status).toBe('hit')
    expect(fetcher.mock.calls.length).toBe(before)
  })

  it.each(['force', 'cron', 'change'] as const)(
    '(%s) keeps the tags that it does not name',
    async (reason) => {
      const { under } = counting()
      await read(under('people'))
      await forceRefresh(test.runtime, under('sales'), reason)
      expect(await tagsOf()).toEqual(['key:agents_list', 'tag:people', 'tag:sales'])
      await invalidateTags(['people'], test.runtime)
      expect(await read(under('sales'))).toMatchObject({ data: 3, status: 'miss' })
    },
  )

  it('of readers with different tags costs each one fetch, and then none', async () => {
    const { fetcher, under } = counting()
    const here = under('people')
    const there = under('sales')
    for (const config of [here, there, here, there, here]) await read(config)
    expect(fetcher).toHaveBeenCalledTimes(2)
    expect(test.events.of('tags.disagreed')).toEqual([
      { type: 'tags.disagreed', field: 'agents', kept: 1, left: 0 },
    ])
    await invalidateTags(['people'], test.runtime)
    expect(await read(there)).toMatchObject({ data: 3, status: 'miss' })
    expect(await read(here)).toMatchObject({ data: 3, status: 'hit' })
    expect(test.events.of('tags.disagreed')).toHaveLength(1)
  })

  it('keeps tags with the tokens that stood before its fetch', async () => {
    await read(field(async () => 'first', { tags: ['people'], ttl: 1 }))
    test.clock.advance(1_500)
    const slow = deferred<string>()
    const asked = deferred<void>()
    const refreshing = read(
      field(
        () => {
          asked.resolve()
          return slow.promise
        },
        { ttl: 1 },
      ),
    )
    await asked.promise
    await invalidateTags(['people'], (await test.another()).runtime)
    slow.resolve('old')
    await refreshing
    expect((await read(field(async () => 'new'))).data).toBe('new')
  })

  it('does not keep what only the last value has told', async () => {
    let products = ['product:1', 'product:2']
    const config = field(async () => products, {
      tags: ['shop'],
      ttl: 1,
      dependsOn: (ids) => [...ids, 'shop'],
    })
    await read(config)
    products = ['product:2']
    test.clock.advance(1_500)
    await read(config)
    expect(await tagsOf()).toEqual(['key:agents_list', 'tag:product:2', 'tag:shop'])
    test.clock.advance(1_500)
    await read(field(async () => ['product:9'], { ttl: 1 }))
    expect(await tagsOf()).toEqual(['key:agents_list', 'tag:shop'])
  })

  it('keeps as many as there is room for, says so, and goes on', async () => {
    const { fetcher, under } = counting()
    await read(under(...TAGS))
    const others = TAGS.map((tag) => `other ${tag}`)
    await read(under(...others))
    expect(await tagsOf()).toHaveLength(1_001)
    expect(test.events.of('tags.disagreed')).toEqual([
      { type: 'tags.disagreed', field: 'agents', kept: 100, left: 0 },
    ])
    const dependent = field(fetcher, { dependsOn: () => TAGS.slice(0, 800).map((tag) => `told ${tag}`) })
    await read(dependent)
    expect(await read(dependent)).toMatchObject({ status: 'hit' })
    expect(await tagsOf()).toHaveLength(1_001)
    await invalidateTags([`told ${TAGS[0]}`], test.runtime)
    expect(await read(dependent)).toMatchObject({ status: 'miss' })
  })
})

describe('what it costs', () => {
  it('readers with different tags do not make each other ask twice', async () => {
    const { under } = counting()
    const configs = [under('people'), under('sales')]
    for (const config of [...configs, ...configs]) await read(config)
    const before = test.counters.commands
    for (const config of [...configs, ...configs]) expect((await read(config)).status).toBe('hit')
    expect(test.counters.commands - before).toBe(4)
  })
})

/** What a fetcher or its value tells badly fails that fetch, as a fault of the source, and nothing after it. */
import { expect, it, vi } from 'vitest'
import { isUnfinished } from '@/lib/core-services/cache/errors'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FetchContext, FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { codedError } from '@/lib/shared/errors'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '@/tests/kit/fields/fieldProcess'

type Fetch = FieldCacheConfig<unknown>['fetcher']
const NOW_SECONDS = Math.floor(Date.now() / 1000)

/** A stored field past its ttl. Its next fetch returns bad metadata, all others good metadata. */
async function withBadMetadataOnce(bad: Partial<FieldCacheConfig<unknown>>) {
  const test = await createTestCache()
  let isBad = false
  const fetcher = vi.fn<Fetch>(async (context) => (isBad && bad.fetcher ? bad.fetcher(context) : 'good'))
  const { dependsOn = () => ['product:1'], advanced = {} } = bad
  const config = field<unknown>(fetcher, {
    ttl: 60,
    staleIfError: 600_000,
    dependsOn: (value) => (isBad ? dependsOn(value) : ['product:1']),
    advanced: { ...advanced, expiresAt: (value) => (isBad ? advanced.expiresAt?.(value) : undefined) },
  })
  const read = async () => (await test.read(config)).status
  await read()
  test.clock.advance(61_000)
  fetcher.mockClear()
  return {
    test,
    fetcher,
    read,
    tell(badly: boolean) {
      isBad = badly
    },
  }
}

const tags = (list: unknown) => ({ dependsOn: () => list as string[] })
const expires = (time: unknown) => ({ advanced: { expiresAt: () => time as number } })
const keeps = (about: unknown) => ({
  fetcher: async ({ keep }: FetchContext) => {
    keep(about as Parameters<typeof keep>[0])
    return 'bad'
  },
})

it.each<[string, Partial<FieldCacheConfig<unknown>>, RegExp]>([
  [
    'a tag with a line break',
    tags(['ok', 'chair\n(new)']),
    /dependsOn .*"chair\\n\(new\)": .*control character/,
  ],
  ['half a character in a tag', tags(['cut \ud83d']), /dependsOn .*half of a character/],
  ['an invisible tag', tags(['\u200b']), /dependsOn .*nothing of it can be seen/],
  ['an empty tag', tags(['']), /dependsOn .*it is empty/],
  ['a tag that is no text', tags([undefined]), /dependsOn .*it is no text but undefined/],
  ['a tag of 251 characters', tags(['x'.repeat(251)]), /dependsOn .*251 characters, 250 at most/],
  ['1,001 tags', tags(Array.from({ length: 1_001 }, (_, id) => String(id))), /dependsOn answered 1001 tags/],
  ['a promise of tags', tags(Promise.resolve([])), /dependsOn answered no list of tags/],
  ['one tag instead of a list', tags('chair'), /dependsOn answered no list of tags/],
  ['an end that is no number', expires(Number.NaN), /advanced\.expiresAt answered is NaN, no time/],
  ['an end as a text', expires('2030-01-01'), /advanced\.expiresAt answered is 2030-01-01, no time/],
  ['an end in seconds', expires(NOW_SECONDS + 60), /advanced\.expiresAt .* a time in seconds/],
  ['to keep an end in seconds', keeps({ endsAt: NOW_SECONDS + 60 }), /endsAt of keep .* a time in seconds/],
  ['to keep an end that is no number', keeps({ endsAt: Number.NaN }), /endsAt of keep is NaN/],
  ['to keep a start that is no number', keeps({ fetchedAt: Number.NaN }), /fetchedAt of keep is NaN/],
  ['to keep a start in seconds', keeps({ fetchedAt: NOW_SECONDS }), /fetchedAt of keep .* a time in seconds/],
  ['to keep a note that is no text', keeps({ note: { cursor: 1 } }), /keep was given a object as note/],
  ['to keep a long note', keeps({ note: 'x'.repeat(4_001) }), /keep was given a note of 4001 characters/],
  [
    'to go on from half a character',
    { fetcher: ({ pause }) => pause('cut \ud83d', '1 page') },
    /pause was given .*half of a character/,
  ],
])('%s fails the fetch, and the source is left alone as after any failure', async (_, bad, reason) => {
  const { test, fetcher, read, tell } = await withBadMetadataOnce(bad)
  tell(true)
  for (let count = 0; count < 5; count += 1) expect(await read()).toBe('degraded')
  expect(fetcher).toHaveBeenCalledTimes(1)
  expect(test.events.of('refresh.failed')).toMatchObject([
    { code: 'SOURCE_INVALID', message: expect.stringMatching(reason) },
  ])

  tell(false)
  test.clock.advance(6_000)
  expect([await read(), await read()]).toEqual(['miss', 'hit'])
})

it.each([
  ['never', Number.POSITIVE_INFINITY],
  ['in the year 300,000', 9e15],
])(
  'a value whose end is %s is stored for its ttl, or for a century where the ttl is for ever',
  async (_, end) => {
    const test = await createTestCache()
    for (const ttl of [60, 'forever'] as const) {
      const config = field(async () => 'v', { key: `end of ${ttl}`, ttl, advanced: { expiresAt: () => end } })
      await test.read(config)
      expect((await test.read(config)).status).toBe('hit')
    }
    expect(test.events.of('redis.degraded')).toEqual([])
  },
)

it.each([
  [0, 5],
  [-3, 5],
  [Number.NaN, 5],
  [Number.POSITIVE_INFINITY, 5],
  [1 / 3, 1],
  [0.5, 1],
  [1.2, 2],
  [30, 30],
  [1e12, 86_400],
])(
  'a source that fails and asks for %d s is left alone for %d s by every instance',
  async (asked, seconds) => {
    const test = await createTestCache()
    const { runtime } = await test.another()
    const fetcher = vi.fn(async (): Promise<string> => {
      throw codedError('SHOP_BUSY', 'busy', { retryAfter: asked })
    })
    const codes: string[] = []
    const read = (by = test.runtime) =>
      readFieldCache(field(fetcher), 'never', by).catch(({ code }) => codes.push(code))
    await read()
    await test.backgroundWork()
    expect(test.events.of('redis.degraded')).toEqual([])

    test.clock.advance(seconds * 1000 - 1)
    await read()
    await read(runtime)
    expect(fetcher).toHaveBeenCalledTimes(1)
    test.clock.advance(1_001)
    await read(runtime)
    expect(fetcher).toHaveBeenCalledTimes(2)
    expect(codes).toHaveLength(4)
  },
)

it('a fetcher that reads another field with bad options fails like a source', async () => {
  const test = await createTestCache()
  const inner = field(async () => 'v', { key: 'inner', name: 'inner', ttl: 0.5 })
  const fetcher = vi.fn(async () => (await test.read(inner)).data)
  for (let count = 0; count < 2; count += 1) {
    await expect(test.read(field(fetcher))).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
  }
  expect(fetcher).toHaveBeenCalledTimes(1)
})

it('progress comes back as it was saved', async () => {
  const test = await createTestCache()
  const progress = 'naïve 😀 "{[\\'
  const resumed: (string | null)[] = []
  const config = field(async ({ resume, pause }: FetchContext) => {
    resumed.push(await resume())
    return resumed.length === 1 ? pause(progress, '1 page') : 'all'
  })
  await expect(test.read(config)).rejects.toSatisfy(isUnfinished)
  await test.backgroundWork()
  test.clock.advance(1_001)
  await test.read(config)
  expect(resumed).toEqual([null, progress])
})

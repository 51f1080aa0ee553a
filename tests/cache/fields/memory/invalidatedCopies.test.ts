/** Copies in memory that the process knows to be invalidated. */
import { beforeEach, expect, it } from 'vitest'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { createTestCache } from '@/lib/testing/testCache'
import { deferred } from '../../../kit/clock/deferred'
import { field } from '../../../kit/fields/fieldProcess'

const test = await createTestCache()
beforeEach(() => test.reset())

const SOURCE_FAILED = { code: 'SOURCE_FAILED' }

/** A source that works until it is told not to. */
function sourceOf(value: string) {
  const source = { works: true, fetcher: async () => value }
  source.fetcher = async () => {
    if (source.works) return value
    throw new Error('down')
  }
  return source
}

it.each([30, 90])(
  'an invalidated copy of %d s (ttl 60, staleIfError 600) is not served once Redis and the source fail',
  async (seconds) => {
    const { runtime: other } = await test.another()
    const source = sourceOf('old')
    const config = field(source.fetcher, { ttl: 60, staleIfError: 600 })
    const read = () => test.read(config)
    await read()
    test.clock.advance(seconds * 1_000)
    await invalidateField(config, other)
    source.works = false
    await expect(read()).rejects.toMatchObject(SOURCE_FAILED)
    test.down()
    await expect(read()).rejects.toMatchObject(SOURCE_FAILED)
  },
)

it('a copy whose tag the read of another field has shown to be invalidated is not served', async () => {
  const { runtime: other } = await test.another()
  const source = sourceOf('old')
  const agents = field(source.fetcher, { ttl: 60, staleIfError: 600, tags: ['people'] })
  const teams = field(async () => 'teams', { name: 'teams', key: 'teams', tags: ['people'] })
  await test.read(agents)
  test.clock.advance(10)
  await invalidateTags(['people'], other)
  await test.read(teams)
  source.works = false
  test.down()
  await expect(test.read(agents)).rejects.toMatchObject(SOURCE_FAILED)
})

it('a copy whose token Redis has lost is not served', async () => {
  const source = sourceOf('old')
  const config = field(source.fetcher, { ttl: 60, staleIfError: 600 })
  await test.read(config)
  test.clock.advance(90_000)
  await test.cache.redis.del('test:v1~token:key:agents_list')
  source.works = false
  await expect(test.read(config)).rejects.toMatchObject(SOURCE_FAILED)
  test.down()
  await expect(test.read(config)).rejects.toMatchObject(SOURCE_FAILED)
})

it('a source that is only slow is waited for after an invalidation, whatever serveInvalidatedOnError says', async () => {
  const answers = [Promise.resolve('old')]
  const config = field(async () => answers.at(-1) as Promise<string>, {
    ttl: 60,
    staleIfError: 600,
    advanced: { softTimeoutMs: 100, serveInvalidatedOnError: true },
  })
  await test.read(config)
  await invalidateField(config, test.runtime)
  const slow = deferred<string>()
  answers.push(slow.promise)
  const read = test.read(config)
  await expect.poll(() => test.events.of('refresh.started')).toHaveLength(2)
  test.clock.advance(1_000)
  await new Promise(setImmediate)
  slow.resolve('new')
  expect(await read).toMatchObject({ data: 'new', status: 'miss' })
})

it('a copy that a force has fetched is not served once a lookup has shown its invalidation, though the force is answered later', async () => {
  const committed = deferred<void>()
  const answered = deferred<void>()
  const fetch = async (url: string, init: RequestInit) => {
    const response = await test.runtime.ports.fetch(url, init)
    if (new TextDecoder().decode(init.body as Uint8Array).startsWith('["EVAL"')) {
      committed.resolve()
      await answered.promise
    }
    return response
  }
  const halting = await test.another({ ports: { fetch } })
  const source = sourceOf('old')
  const config = field(source.fetcher, { ttl: 600, memoryTtl: 1 })
  const forced = halting.read(config, 'always')
  await committed.promise
  test.clock.advance(5)
  await invalidateField(config, test.runtime)
  test.clock.advance(5)
  source.works = false
  await expect(halting.read(config)).rejects.toMatchObject(SOURCE_FAILED)
  test.clock.advance(5)
  answered.resolve()
  expect((await forced).status).toBe('refreshed')
  test.down()
  await expect(halting.read(config)).rejects.toMatchObject(SOURCE_FAILED)
})

it('a copy that the read of another field has shown to be invalidated is not served, whatever was read since', async () => {
  const { runtime: other } = await test.another()
  let version = 1
  const fetcher = async () => version
  const [one, two] = ['one', 'two'].map((key) =>
    field(fetcher, { name: key, key, tags: ['people'], memoryTtl: 3_600, ttl: 7_200 }),
  ) as [ReturnType<typeof field<number>>, ReturnType<typeof field<number>>]
  await test.read(one)
  version = 2
  await invalidateTags(['people'], other)
  test.clock.advance(1_000)
  expect((await test.read(two)).data).toBe(2)
  const tags = Array.from({ length: 1_000 }, (_, index) => `tag-${index}`)
  for (let part = 0; part < 11; part += 1) {
    const tagged = tags.map((tag) => `${part}-${tag}`)
    await test.read(field(fetcher, { name: 'many', key: `many-${part}`, tags: tagged }))
    await test.read(field(fetcher, { name: 'many', key: `many-${part}`, tags: tagged }))
  }
  expect((await test.read(one)).data).toBe(2)
})

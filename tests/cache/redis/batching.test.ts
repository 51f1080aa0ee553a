import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { getFieldCaches } from '@/lib/core-services/cache/fieldCacheService'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { type FieldProcess, field } from '../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../kit/fields/fieldServers'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read, costOf, start } = servers

/** Fields of one page, configured, each with a value of its own. */
function page<T>(count: number, value: (index: number) => T): FieldCacheConfig<T>[] {
  const fields = Array.from({ length: count }, (_, index) =>
    field(async () => value(index), {
      name: `field-${index}`,
      key: `field:${index}`,
      tags: [`a:${index}`, `b:${index}`],
      advanced: { compression: false },
    }),
  )
  defineFields(fields as FieldCacheConfig<unknown>[])
  return fields
}

const readPage = <T>(fields: readonly FieldCacheConfig<T>[], server?: FieldProcess) =>
  Promise.all(fields.map((config) => read(config, server)))
const statusesOf = (answers: readonly { status: string }[]) => answers.map(({ status }) => status)

afterEach(() => redis.upstash.faults.clear())

describe('20 cold fields of one page', () => {
  it('20 cold fields of one page wait for 3 requests, not for 60', async () => {
    const fields = page(20, (index) => index)
    const cost = await costOf(async () =>
      expect((await readPage(fields)).map(({ data }) => data)).toEqual(fields.map((_, index) => index)),
    )
    expect(cost).toMatchObject({ commands: 61, requests: 3 })
    expect(await costOf(() => readPage(fields))).toMatchObject({ commands: 1, requests: 1 })
  })

  it('cold fields that share a new tag are all hits at the next read', async () => {
    const fields = page(20, (index) => index).map((config) => ({ ...config, tags: ['shared'] }))
    await readPage(fields)
    expect(new Set(statusesOf(await readPage(fields)))).toEqual(new Set(['hit']))
  })

  it('cold fields send no more commands in a request than CACHE_BATCH_SIZE', async () => {
    const server = await start({ cache: { batchSize: 10 } })
    const fields = page(20, (index) => index)
    const { commands, requests } = await costOf(() => readPage(fields, server))
    expect(commands).toBe(61)
    // 20 pairs of tokens and lease go in 4; their entries in 2, or in 4 if the 4 are answered one by one.
    expect(requests).toBeGreaterThanOrEqual(7)
    expect(requests).toBeLessThanOrEqual(9)
    expect(new Set(statusesOf(await readPage(fields, server)))).toEqual(new Set(['hit']))
  })

  it('cold fields with large values are stored in several requests', async () => {
    const fields = page(4, () => 'x'.repeat(600_000))
    expect(await costOf(() => readPage(fields))).toMatchObject({ commands: 13, requests: 6 })
    expect(new Set(statusesOf(await readPage(fields, servers.there)))).toEqual(new Set(['hit']))
  })
})

describe('one that fails', () => {
  it('a command that Redis refuses fails only for its own caller', async () => {
    const store = await servers.here.runtime.store()
    const write = (name: string, seconds: number) => store.write(store.names.entry(name), 'text', seconds)
    redis.upstash.resetCounters()
    const settled = await Promise.allSettled([write('a', 60), write('b', -1), write('c', 60)])
    expect(settled).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'REDIS_COMMAND_FAILED' } },
      { status: 'fulfilled' },
    ])
    expect(redis.upstash.counters.requests).toBe(1)
  })

  it('a value that is too large for Redis does not keep the other fields of a page from being stored', async () => {
    const large = randomBytes(8_000_000).toString('base64')
    const fields = page(3, (index) => (index === 1 ? large : 'small'))
    await readPage(fields)
    await servers.finishDeferredWork()
    expect(statusesOf(await readPage(fields, servers.there))).toEqual(['hit', 'miss', 'hit'])
  })

  it('a field with a failing source rejects, and the other fields of the page do not', async () => {
    const [first, second] = page(2, (index) => index)
    const failing = {
      ...(second as FieldCacheConfig<number>),
      fetcher: vi.fn(() => Promise.reject(new Error('down'))),
    }
    const settled = await Promise.allSettled([read(first as FieldCacheConfig<number>), read(failing)])
    expect(settled).toMatchObject([
      { status: 'fulfilled', value: { data: 0 } },
      { status: 'rejected', reason: { code: 'SOURCE_FAILED' } },
    ])
  })
})

describe('reads whose answer would be larger than Upstash sends', () => {
  const large = 'x'.repeat(2_600_000)

  it('reads with an answer too large for Upstash are refused once, then repeated in halves, one after the other', async () => {
    const fields = page(5, () => large)
    for (const config of fields) await read(config)
    redis.upstash.resetCounters()
    const answers = await readPage(fields, servers.there)
    expect(statusesOf(answers)).toEqual(Array(5).fill('hit'))
    expect(redis.upstash.counters.requests).toBe(3)
    expect(servers.there.events.of('redis.degraded')).toEqual([])
  })

  it('reads with an answer too large for Upstash are split from the start the next time', async () => {
    const fields = page(5, () => large)
    const server = await start({ memory: 0 })
    for (const config of fields) await read(config)
    await readPage(fields, server)
    expect(await costOf(() => readPage(fields, server))).toMatchObject({ commands: 3, requests: 3 })
  })
})

describe('getFieldCaches', () => {
  it('getFieldCaches answers in the order of the fields, each with its own type', async () => {
    const numbers = field(async () => 1)
    const texts = field(async () => ['a'], { key: 'texts' })
    const run = () => getFieldCaches([numbers, texts])
    expectTypeOf(run).returns.resolves.toEqualTypeOf<[number, string[]]>()
  })
})

/** `set`, `mset` and `expire` on the key of a field by many at the same moment: no answer of theirs is made up. */
import { randomBytes, randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import type { FieldProcess } from '@/lib/testing/fieldProcess'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '../../../kit/fields/fieldProcess'

const test = await createTestCache()
const { cache } = test
const KEY = 'agents_list'
const TOKEN = `test:v1~token:key:${KEY}`
const config = field(async () => 1, { ttl: 600 })
const read = ({ runtime }: Pick<FieldProcess, 'runtime'>) => readFieldCache(config, 'never', runtime)

beforeEach(() => test.reset())
afterEach(() => defineFields([]))

/** A process right before whose commands of that name, `times` times, another one does something. */
async function disturbed(
  command: 'EVAL' | 'MGET',
  times: number,
  disturb: () => Promise<unknown> = () => cache.redis.set(TOKEN, randomUUID()),
): Promise<CacheService> {
  let left = times
  const fetch: FieldProcess['runtime']['ports']['fetch'] = async (url, init) => {
    const body = new TextDecoder().decode(init?.body as Uint8Array)
    if (left > 0 && body.includes(`"${command}"`)) {
      left -= 1
      await disturb()
    }
    return test.runtime.ports.fetch(url, init)
  }
  const clock = { ...test.clock, sleep: async () => undefined }
  return (await test.another({ ports: { fetch, clock } })).cache
}

describe.each([
  ['a configured field', true],
  ['a member of a family', false],
])('of %s', (_, configured) => {
  beforeEach(async () => {
    if (configured) defineFields([{ ...config, name: 'agents' }])
    await read(test)
  })

  it('eight callers of expire at once all find the entry, in one process and in eight', async () => {
    const others = await Promise.all(Array.from({ length: 8 }, () => test.another()))
    const eight = others.map(({ cache: own }, index) => own.expire(KEY, 100 + index))
    expect(await Promise.all(eight)).toEqual(Array(8).fill(1))
    const here = Array.from({ length: 8 }, (_, index) => cache.expire(KEY, 100 - index))
    expect(await Promise.all(here)).toEqual(Array(8).fill(1))
    expect(await cache.ttl(KEY)).toBeLessThanOrEqual(100)
  })

  it('eight callers of set and mset at once all write, and one of their values stands', async () => {
    const others = await Promise.all(Array.from({ length: 8 }, () => test.another()))
    const sets = others.flatMap(({ cache: own }, index) => [own.set(KEY, index), own.mset({ [KEY]: index })])
    expect(await Promise.all(sets)).toEqual(Array(16).fill('OK'))
    const value = await cache.get(KEY)
    expect(value).toBeTypeOf('number')
    for (const process of others) expect(await read(process)).toMatchObject({ data: value, status: 'hit' })
  })

  it('of eight callers of set with nx after a deletion one writes, and each with get is told what was there', async () => {
    await cache.del(KEY)
    const others = await Promise.all(Array.from({ length: 8 }, () => test.another()))
    const sets = await Promise.all(others.map(({ cache: own }, index) => own.set(KEY, index, { nx: true })))
    expect(sets.filter((outcome) => outcome === 'OK')).toHaveLength(1)
    const winner = sets.indexOf('OK')
    const gets = await Promise.all(
      others.map(({ cache: own }, index) => own.set(KEY, 10 + index, { get: true })),
    )
    const last = await cache.get<number>(KEY)
    expect([...gets, last].sort()).toEqual([winner, 10, 11, 12, 13, 14, 15, 16, 17].sort())
  })
})

it('expire of a plain value that stands under the key of a field says that it is there', async () => {
  await read(test)
  await cache.redis.set(`test:v1:${KEY}`, '7')
  expect(await cache.get(KEY)).toBe(7)
  expect(await cache.expire(KEY, 10)).toBe(1)
  expect(await cache.ttl(KEY)).toBe(10)
})

it('set of a family that is not written, since only its readers could encrypt it, is not answered with OK', async () => {
  const secret = await createTestCache({ encryptionKeys: [randomBytes(32)] })
  const sealed = { ...config, advanced: { encrypt: true } }
  await secret.read(sealed)
  const text = await secret.cache.redis.get<string>(`test:v1:${KEY}`)
  await read(test)
  const own = await disturbed('MGET', 1, () => cache.redis.set(`test:v1:${KEY}`, text))
  expect(await own.set(KEY, 42)).toBeNull()
})

describe('of a configured field that others change at each attempt', () => {
  beforeEach(async () => {
    defineFields([{ ...config, name: 'agents' }])
    await read(test)
  })

  it('set goes on until it is decided', async () => {
    const own = await disturbed('EVAL', 12)
    expect(await own.set(KEY, 42)).toBe('OK')
    expect(await cache.get(KEY)).toBe(42)
  })

  it('each rejects with a code in the end, and attempt and pipeline tell it', async () => {
    const contended = { code: 'WRITE_CONTENDED', hint: expect.stringContaining('again') }
    const own = await disturbed('EVAL', Number.POSITIVE_INFINITY)
    await expect(own.set(KEY, 42)).rejects.toMatchObject(contended)
    await expect(own.set(KEY, 42, { get: true })).rejects.toMatchObject(contended)
    await expect(own.mset({ [KEY]: 42 })).rejects.toMatchObject(contended)
    expect(await own.attempt((redis) => redis.set(KEY, 42))).toMatchObject({ ok: false, error: contended })
    expect(await own.pipeline((redis) => [redis.set(KEY, 42), redis.incr('n')])).toMatchObject([
      { ok: false, error: contended },
      { ok: true, value: 1 },
    ])
  })
})

/** Options that no type allows, as plain JavaScript or parsed JSON can bring them: refused under their name, or harmless. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { type AnyField, defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import { optionsKey, shareKey, shareMark } from '@/lib/core-services/cache/fields/shareKey'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { refreshCache } from '@/lib/core-services/cache/refreshCache'
import { isCodedError } from '@/lib/shared/errors'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '../../kit/fields/fieldProcess'

const test = await createTestCache()
const { cache, runtime } = test
test.install()
beforeEach(() => test.reset())

const circle: Record<string, unknown> = {}
circle.itself = circle
const NONSENSE: readonly unknown[] = [
  5n,
  Symbol('seconds'),
  () => 5,
  {},
  Object.create(null),
  circle,
  [],
  [5n],
  [Symbol('tag')],
  [Object.create(null)],
  null,
  true,
  '',
  '5',
  Number.NaN,
  -1,
  2 ** 60,
]
const inWords = (nonsense: unknown): string => {
  try {
    return `${typeof nonsense} ${String(nonsense)}`
  } catch {
    return typeof nonsense
  }
}

/** The code with which it was refused, or what it answered. */
async function outcomeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'worked'
  } catch (error) {
    if (isCodedError(error)) return error.code
    throw error
  }
}

describe.each(NONSENSE.map((nonsense) => [inWords(nonsense), nonsense] as const))('%s', (_, nonsense) => {
  const given = nonsense as never
  const fields = Object.entries({
    ttl: { ttl: given },
    tags: { tags: given },
    dependsOn: { dependsOn: given },
    staleWhileRevalidate: { staleWhileRevalidate: given },
    memoryTtl: { memoryTtl: given },
    anonymousForce: { anonymousForce: given },
    refreshEvery: { refreshEvery: given },
    name: { name: given },
    key: { key: given },
    schema: { schema: given },
    advanced: { advanced: given },
    'advanced.timeoutMs': { advanced: { timeoutMs: given } },
    'advanced.softTimeoutMs': { advanced: { softTimeoutMs: given } },
    'advanced.negativeTtl': { advanced: { negativeTtl: given } },
    unknown: { unknown: given },
  }).map(([name, option]) => [name, { ...field(async () => 1), ...option } as AnyField] as const)

  it.each(fields)(
    'as %s of a field raises an error with a code or nothing, read and forced',
    async (_option, config) => {
      const forced = await outcomeOf(() => readFieldCache(config, 'always', runtime))
      const read = await outcomeOf(() => readFieldCache(config, 'never', runtime))
      expect([forced, read]).toEqual([read, read])
      await outcomeOf(() => readFieldCache(config, 'anonymous', runtime))
      await outcomeOf(() => defineFields([{ ...config }]))
      await outcomeOf(() => invalidateField(config, runtime))
      defineFields([])
    },
  )

  it('given to refreshCache is refused by name before anything is fetched, or works', async () => {
    let calls = 0
    const fetcher = async () => {
      calls += 1
      return 1
    }
    expect(await outcomeOf(() => refreshCache('agents_list', fetcher, given))).toBe('FIELD_INVALID')
    expect(await outcomeOf(() => refreshCache(given, fetcher, 5))).toBe(
      nonsense === '5' ? 'worked' : 'KEY_INVALID',
    )
    expect(calls).toBe(nonsense === '5' ? 1 : 0)
    expect(await outcomeOf(() => refreshCache('agents_list', fetcher, 5, given))).toBe('worked')
    expect(await outcomeOf(() => refreshCache('other', given, 5))).toMatch(
      /^(worked|SOURCE_FAILED|SOURCE_INVALID|FIELD_INVALID)$/,
    )
  })

  it('given to the other doors raises an error with a code or nothing', async () => {
    const aside = createCacheAside(() => runtime)
    const load = async () => 1
    const work: (() => unknown)[] = [
      () => aside.get('k', load, given),
      () => aside.get('k', load, { ttl: given }),
      () => aside.get(given, load),
      () => aside.batchGet(['a', 'b'], async (keys) => keys, { ttl: given }),
      () => aside.batchGet([given], async (keys) => keys),
      () => aside.invalidate(given),
      () => aside.warm([{ key: 'k', loader: load, options: { ttl: given } }]),
      () => invalidateTags([given], runtime),
      () => cache.get(given),
      () => cache.del(given),
      () => cache.set('k', 1, given),
      () => cache.set('k', 1, { ex: given }),
      () => cache.set(given, 1),
      () => cache.expire('k', given),
      () => cache.hset('h', given, 1),
      () => cache.hget('h', given),
      () => cache.keysByPattern(given),
      () => cache.deleteByPattern(given),
      () => aside.invalidatePattern(given),
      () => cache.lock.withLock('l', load, given),
      () => cache.lock.withLock('l', load, 1, { retryCount: given }),
      () => cache.lock.withLock('l', load, 1, { retryDelay: given }),
      () => cache.lock.withLock(given, load),
    ]
    for (const one of work) await outcomeOf(one)
  })
})

it('names what callers may share whatever their options hold', () => {
  for (const nonsense of NONSENSE)
    for (const name of [shareKey, shareMark, optionsKey])
      expect(name({ key: 'k', ttl: nonsense })).toBeTypeOf('string')
  expect(shareKey({ ttl: 5n })).not.toBe(shareKey({ ttl: 5 }))
  expect(shareKey({ ttl: Number.POSITIVE_INFINITY })).not.toBe(shareKey({ ttl: null }))
})

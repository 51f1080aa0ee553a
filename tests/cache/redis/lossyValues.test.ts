/** Values that JSON would silently change are refused with their path; everything else comes back. */
import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { decodeValue, encodeValue } from '@/lib/core-services/cache/redis/json'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '@/tests/kit/fields/fieldProcess'

const test = await createTestCache()
beforeEach(() => test.reset())

class Agent {
  constructor(readonly id: string) {}
}
class Money {
  readonly #cents: number
  constructor(
    readonly currency: string,
    cents: number,
  ) {
    this.#cents = cents
  }
  get euros(): number {
    return this.#cents / 100
  }
}
class Price extends Money {}
class Hidden {
  readonly #id = 1
  id(): number {
    return this.#id
  }
}
const circle: { self?: unknown } = {}
circle.self = [circle]
const sparse: number[] = [1]
sparse[2] = 3

describe('encodeValue', () => {
  it.each<[string, unknown]>([
    ['the value is undefined', undefined],
    ['the value is a function', () => 1],
    ['the value is a symbol', Symbol('s')],
    ['the value is a BigInt', 1n],
    ['the value is NaN', Number.NaN],
    ['the value is a Map', new Map([['a', 1]])],
    ['the value is a Set', new Set()],
    ['the value is a Response', new Response('{"rate":1.1}')],
    ['the value is an Error', new TypeError('down')],
    ['the value is a RegExp', /a/],
    ['the value is a Promise', Promise.resolve(1)],
    ['the value is a Uint8Array', Buffer.from('bytes')],
    ['the value is an ArrayBuffer', new ArrayBuffer(2)],
    ['the value is a URLSearchParams', new URLSearchParams('a=1')],
    ['the value is a Headers', new Headers()],
    ['the value is a Map', runInNewContext('new Map([[1, 2]])')],
    ['the value is an object of the class Hidden with data that JSON does not see', new Hidden()],
    [
      'total.price is an object of the class Price with data that JSON does not see',
      { total: { price: new Price('EUR', 1) } },
    ],
    ['agents[3].joined is an invalid Date', { agents: [0, 0, 0, { joined: new Date(Number.NaN) }] }],
    ['agents[1].score is Infinity', { agents: [{}, { score: Number.POSITIVE_INFINITY }] }],
    ['[1] is undefined', [1, undefined]],
    ['[1] is undefined', sparse],
    ['rate is a Promise', { rate: Promise.resolve(1.1) }],
    ['save is a function', { id: 1, save: () => undefined }],
    ['[0][0] is a BigInt', [[1n]]],
    ['["per cent"].n is a Number object', { 'per cent': { n: Object(1) } }],
    ['self[0] is what contains itself', circle],
    ['at.b is a Set', { at: { toJSON: () => ({ b: new Set() }) } }],
    ['a is what has a property named by a symbol, Symbol(id)', { a: { [Symbol('id')]: 1 } }],
  ])('encodeValue refuses a value and says "%s"', (message, value) => {
    expect(() => encodeValue(value)).toThrow(
      expect.objectContaining({
        code: 'VALUE_NOT_SERIALIZABLE',
        message: `The value cannot be stored as JSON: ${message}`,
      }),
    )
  })

  it.each<[string, unknown, string]>([
    ['a property that is undefined is dropped', { a: 1, b: undefined }, '{"a":1}'],
    ['a Date is a text', [new Date(0)], '["1970-01-01T00:00:00.000Z"]'],
    ['a URL is a text', new URL('https://a.test/'), '"https://a.test/"'],
    ['-0 is 0', [-0], '[0]'],
    ['an object of a class keeps its properties', new Agent('a'), '{"id":"a"}'],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ['an object of another realm', runInNewContext('({ a: [1] })'), '{"a":[1]}'],
    ['the same object in two places', [[1], [1]].map((_, __, all) => all[0]), '[[1],[1]]'],
  ])('encodeValue accepts that %s', (_, value, text) => {
    expect(encodeValue(value)).toBe(text)
  })

  it('encodeValue shortens the name of a long property in its error', () => {
    expect(() => encodeValue({ ['#'.repeat(5_000)]: 1n })).toThrow(/^.{40,200}$/)
  })

  it('encodeValue either refuses a value or keeps all of it', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    })
    let taken = 0
    fc.assert(
      fc.property(fc.oneof(anything, fc.jsonValue(), fc.array(fc.record({ a: anything }))), (value) => {
        let text: string
        try {
          text = encodeValue(value)
        } catch {
          return
        }
        taken += 1
        expect(isDeepStrictEqual(decodeValue(text), kept(value)), text).toBe(true)
      }),
      { numRuns: 5_000 },
    )
    expect(taken).toBeGreaterThan(1_000)
  })
})

/** Accepted changes: a Date becomes a text, -0 becomes 0, an undefined property is dropped. */
function kept(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(kept)
  if (typeof value !== 'object' || value === null) return value === 0 ? 0 : value
  const entries = Object.entries(value).filter(([, content]) => content !== undefined)
  return Object.fromEntries(entries.map(([key, content]) => [key, kept(content)]))
}

const LOSSY = { counts: new Map([['OA', 3]]) }
const aside = createCacheAside(() => test.runtime)

it.each<[string, () => Promise<unknown>]>([
  ['set', () => test.cache.set('k', LOSSY)],
  ['mset', () => test.cache.mset({ a: 1, k: LOSSY })],
  ['hset', () => test.cache.hset('k', 'field', LOSSY)],
  ['lpush', () => test.cache.lpush('k', LOSSY)],
  ['rpush', () => test.cache.rpush('k', 1, LOSSY)],
  ['sadd', () => test.cache.sadd('k', LOSSY)],
  ['a pipeline', () => test.cache.pipeline((redis) => [redis.set('k', LOSSY)])],
  ['a note', () => test.cache.sharedRecords.write('kind', 'k', LOSSY, 60)],
])('%s refuses a value that JSON would change, and sends nothing', async (_, store) => {
  await expect(store()).rejects.toMatchObject({
    code: 'VALUE_NOT_SERIALIZABLE',
    message: expect.stringContaining('counts is a Map'),
  })
  expect(test.counters.commands).toBe(0)
})

it.each<[string, () => Promise<unknown>]>([
  ['a read', () => test.read(field<unknown>(async () => LOSSY))],
  [
    'a force',
    () =>
      forceRefresh(
        test.runtime,
        field<unknown>(async () => LOSSY),
        'force',
      ),
  ],
  ['cacheAside.get', () => aside.get('k', async () => LOSSY)],
  ['cacheAside.batchGet', () => aside.batchGet(['k'], async () => [LOSSY])],
])(
  '%s rejects with an error of the source for a value that JSON would change, and says where',
  async (_, read) => {
    await expect(read()).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining('counts is a Map'),
    })
  },
)

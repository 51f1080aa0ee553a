/** Schemas that make something else of what was fetched: readers get the result, everything behind them what came before. */
import { expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { StandardSchema } from '@/lib/core-services/cache/entry/schema'
import type { FetchContext, FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { createTestCache } from '@/lib/testing/testCache'
import { field, storedEntry } from '@/tests/kit/fields/fieldProcess'

/** What the source knows: cents, a date as a text, a column that the app does not want. */
const RAW = { id: 'a', preis: '1000', since: '2026-01-02T00:00:00.000Z', internal: true }
type Raw = typeof RAW

const product = z
  .object({ id: z.string().brand('id'), preis: z.coerce.number(), since: z.coerce.date() })
  .transform(({ id, preis, since }) => ({ id, price: preis / 100, since }))
type Product = z.infer<typeof product>

const schemas: [string, StandardSchema<Product[]>][] = [
  ['renames, coerces, brands, strips and divides', z.array(product)],
  ['is asynchronous', z.array(product.transform(async (one) => one))],
]
const READ = [{ id: 'a', price: 10, since: new Date('2026-01-02') }]

it.each(schemas)(
  'a value that is carried on from fetch to fetch is the same for ever, though its schema %s',
  async (_, schema) => {
    const test = await createTestCache()
    const before: unknown[] = []
    const fetcher = async ({ previous }: FetchContext) => {
      const stands = await previous()
      before.push(stands?.value)
      return (stands?.value ?? [RAW]) as Product[]
    }
    const config = field<Product[]>(fetcher, { schema })

    const read = async () => (await test.read(config)).data
    expect(await read()).toEqual(READ)
    for (let round = 0; round < 5; round += 1) {
      await forceRefresh(test.runtime, config, 'change')
      expect(await read()).toEqual(READ)
    }

    expect(before).toEqual([undefined, ...Array.from({ length: 5 }, () => [RAW])])
    expect(JSON.parse((await storedEntry(test.runtime, config.key))?.body ?? '')).toEqual([RAW])
  },
)

it('a fetch that changes what it was handed spoils neither what stands nor the next look at it', async () => {
  const test = await createTestCache()
  const fetcher = async ({ previous }: FetchContext) => {
    const stands = await previous()
    if (!stands) return [RAW]
    ;(stands.value as Raw[]).pop()
    return (await previous())?.value as Raw[]
  }
  const config = field<Raw[]>(fetcher)
  await test.read(config)
  await forceRefresh(test.runtime, config, 'change')
  expect((await test.read(config)).data).toEqual([RAW])
})

it('what the schema refuses by now is handed to no fetch', async () => {
  const test = await createTestCache()
  const fetcher = async ({ previous }: FetchContext) => (await previous()) ?? 'nothing stands'
  await test.read(field(async () => 1))
  const config = field<unknown>(fetcher, { schema: z.string() })
  const { entry } = await forceRefresh(test.runtime, config, 'change')
  expect(entry.body).toBe('"nothing stands"')
})

it('options that look at the value, and the number of its items, go by what readers get', async () => {
  const test = await createTestCache()
  const accept = vi.fn(() => true)
  const dependsOn = vi.fn((products: Product[]) => products.map(({ price }) => `price:${price}`))
  const expiresAt = vi.fn(() => undefined)
  const schema = z.object({ products: z.array(product) }).transform(({ products }) => products)
  const config: FieldCacheConfig<Product[]> = field(async () => ({ products: [RAW] }) as never, {
    schema,
    dependsOn,
    advanced: { accept, expiresAt },
  })
  await test.read(config)
  await forceRefresh(test.runtime, config, 'force')

  expect(accept.mock.calls).toEqual([
    [READ, undefined, 'miss'],
    [READ, READ, 'force'],
  ])
  expect(dependsOn).toHaveBeenLastCalledWith(READ)
  expect(expiresAt).toHaveBeenLastCalledWith(READ)
  expect(test.events.of('refresh.finished').map(({ items }) => items)).toEqual([1, 1])
})

it.each([
  [
    'the source has nothing and the schema makes something of that',
    null,
    z.any().transform((one) => one ?? 'none'),
  ],
  ['the schema finds nothing in what the source has', 'N/A', z.any().transform(() => null)],
])('negativeTtl counts where %s', async (_, fetched, schema) => {
  const test = await createTestCache()
  const config = field<unknown>(async () => fetched, { schema, advanced: { negativeTtl: 10 } })
  const read = async () => (await test.read(config)).status
  expect([await read(), await read()]).toEqual(['miss', 'hit'])
  test.clock.advance(11_000)
  expect(await read()).toBe('miss')
})

/** Records that cannot be taken as they are: one of them costs none of the others, by a full read as by a delta. */
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type AirtableField,
  airtableList,
  airtableValue,
  type ListDeclaration,
} from '@/lib/core-services/airtable/airtableField'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
import { numberCell, textCell, textsCell } from '@/lib/core-services/airtable/records/cells'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { TableData } from '@/local/airtable/tables/table'
import { BASE, changesAppForThisFile } from '@/tests/kit/airtable/changesApp'
import { person } from '@/tests/kit/airtable/fivePeople'
import { askAirtable } from '@/tests/kit/airtable/testAirtable'
import { redisForThisFile } from '@/tests/kit/redis/redisSuite'

const LIMITS = { ...DELTA_LIMITS, smallView: 0, mostShare: 1 }
const TABLE: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  fields: { Name: 'formula', Age: 'rollup', Tags: 'multipleLookupValues' },
  views: [{ id: 'viwAll00000000001', name: 'All' }],
  records: [1, 2, 3, 4, 5].map((index) =>
    person(index, { Name: `Name ${index}`, Age: index * 10, Tags: ['a'] }),
  ),
}
const app = changesAppForThisFile(redisForThisFile(), [TABLE])
const recordId = (index: number) => person(index, {}).id

interface Person {
  id: string
  name: string
  age: number | null
}
const declared = {
  name: 'people',
  key: 'people',
  ttl: 86_400,
  memoryTtl: 0,
  table: { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.id }) },
  view: 'viwAll00000000001',
  columns: ['Name', 'Age', 'Tags'],
  item: ({ id, fields }) => ({
    id,
    name: textCell(fields, 'Name'),
    age: numberCell(fields, 'Age') ?? null,
  }),
  order: (one, other) => (one.id < other.id ? -1 : 1),
} satisfies ListDeclaration<Person>
const people = airtableList(declared) as AirtableField<unknown>

const read = async (field = people) => (await readFieldCache(field)).data
const force = async (field = people) => (await readFieldCache(field, 'always')).data
const names = async (field = people) => ((await read(field)) as Person[]).map(({ name }) => name)

async function set(index: number, fields: Record<string, unknown>): Promise<void> {
  app.pass(5_000)
  const path = `People/${recordId(index)}`
  expect((await askAirtable(app.airtable, path, { method: 'PATCH', body: { fields } })).status).toBe(200)
}
async function follow(field = people): Promise<void> {
  await app.drain([field], 'ping', LIMITS)
}
/** The value stands, and its source is edited after that. */
async function standing(field = people): Promise<void> {
  await app.drain([field], 'ping')
  app.pass(5_000)
  await read(field)
}
const flaws = () => app.events.of('source.flawed')

beforeEach(async () => {
  for (const index of [1, 2, 3, 4, 5])
    await set(index, { Name: `Name ${index}`, Age: index * 10, Tags: ['a'] })
})

/** What brings a change of the source into the value. */
const ways: [string, (field?: AirtableField<unknown>) => Promise<unknown>][] = [
  ['a full read', force],
  ['a delta', follow],
]

describe.each(ways)('in %s', (_, follows) => {
  beforeEach(() => standing())

  test.each([
    ['the error of a formula', { error: '#ERROR!' }],
    ['what is no number', { specialValue: 'NaN' }],
    ['what could not be generated', { state: 'error', errorType: 'emptyDependency', value: null }],
  ])('a cell with %s is empty, and one event names its record', async (_, cell) => {
    await set(2, { Age: cell })
    await follows()
    expect((await read()) as Person[]).toMatchObject([
      { age: 10 },
      { age: null },
      { age: 30 },
      { age: 40 },
      {},
    ])
    expect(flaws()).toMatchObject([
      { field: 'people', unreadable: 0, erroneous: 1, errors: 1, ids: [recordId(2)] },
    ])
  })

  test('a record for which `item` throws keeps its item, and the others are updated', async () => {
    await set(2, { Name: 7 })
    await set(3, { Name: 'Renamed' })
    await follows()
    expect(await names()).toEqual(['Name 1', 'Name 2', 'Renamed', 'Name 4', 'Name 5'])
    expect(flaws()).toMatchObject([
      { unreadable: 1, ids: [recordId(2)], why: 'the column "Name" no longer holds text' },
    ])
    await set(2, { Name: 'Mended' })
    await follows()
    expect((await names())[1]).toBe('Mended')
  })

  test('a new record for which `item` throws stays out of the list', async () => {
    app.pass(5_000)
    const { body } = await askAirtable(app.airtable, 'People', {
      method: 'POST',
      body: { fields: { Name: 7 } },
    })
    const { id } = body as { id: string }
    await follows()
    expect(await names()).toHaveLength(5)
    expect(flaws()).toMatchObject([{ unreadable: 1, ids: [id] }])
    await askAirtable(app.airtable, `People/${id}`, { method: 'DELETE' })
  })
})

test('a full read in which more than half of the view cannot be read leaves everything as it was', async () => {
  await standing()
  for (const index of [1, 2, 3]) await set(index, { Name: 7 })
  await set(4, { Name: 'Renamed' })
  await expect(force()).rejects.toMatchObject({
    code: 'SOURCE_INVALID',
    cause: { code: 'AIRTABLE_RECORDS_UNREADABLE' },
    message: expect.stringContaining(recordId(1)),
  })
  expect(await names()).toEqual([1, 2, 3, 4, 5].map((index) => `Name ${index}`))
  expect(app.events.of('refresh.failed')).toMatchObject([{ cause: 'AIRTABLE_RECORDS_UNREADABLE' }])
  expect(flaws()).toEqual([])
})

test('a delta in which most of what was touched cannot be read brings the rest', async () => {
  await standing()
  for (const index of [1, 2, 3]) await set(index, { Name: 7 })
  await set(4, { Name: 'Renamed' })
  await follow()
  expect(await names()).toEqual(['Name 1', 'Name 2', 'Name 3', 'Renamed', 'Name 5'])
  expect(flaws()).toMatchObject([{ unreadable: 3 }])
})

describe.each(ways)('a list with a schema, in %s', (_, follows) => {
  const checked = airtableList({
    ...declared,
    schema: z.array(z.object({ id: z.string(), name: z.string().min(1), age: z.number().max(90) })).min(4),
  }) as AirtableField<unknown>

  test('a record whose item the schema refuses keeps its previous item', async () => {
    await standing(checked)
    await set(2, { Age: 1_000 })
    await set(3, { Age: 31 })
    await follows(checked)
    expect(((await read(checked)) as Person[]).map(({ age }) => age)).toEqual([10, 20, 31, 40, 50])
    expect(flaws()).toMatchObject([{ unreadable: 1, ids: [recordId(2)], why: 'the schema refuses its item' }])
  })
})

test.each([
  ['another id', () => 'recOther'],
  ['one id for all', () => 'same'],
  ['no id', () => undefined],
  ['a number as its id', () => 7],
])(
  'an item with %s is refused, by a full read as by a delta, and the error names the field',
  async (_, idFor) => {
    const order = () => 0
    const odd = (when: (id: string) => boolean) =>
      airtableList({
        ...declared,
        order,
        item: ({ id }) => ({ id: when(id) ? idFor() : id, name: 'x', age: null }) as Person,
      }) as AirtableField<unknown>
    const refused = {
      code: 'SOURCE_INVALID',
      cause: { code: 'AIRTABLE_ITEM_FOREIGN' },
      message: expect.stringMatching(/"people".*rec0/),
    }
    await expect(read(odd(() => true))).rejects.toMatchObject(refused)
    let touched = false
    const later = odd((id) => touched && id === recordId(2))
    await standing(later)
    const before = await read(later)
    await set(2, { Age: 21 })
    touched = true
    await expect(follow(later)).rejects.toMatchObject(refused)
    expect(await read(later)).toEqual(before)
  },
)

test('a record that was never read and throws is left out of the first list, and no event repeats its words', async () => {
  await set(2, { Name: 'Ana-Canary' })
  const telling = airtableList({
    ...declared,
    item({ id, fields }) {
      const name = textCell(fields, 'Name')
      if (name.startsWith('Ana')) throw new TypeError(`what is ${name}?`)
      return { id, name, age: null }
    },
  }) as AirtableField<unknown>
  expect(await names(telling)).toEqual(['Name 1', 'Name 3', 'Name 4', 'Name 5'])
  expect(flaws()).toMatchObject([{ unreadable: 1, ids: [recordId(2)], why: 'TypeError' }])
  for (const index of [1, 3, 4]) await set(index, { Name: 'Ana-Canary' })
  const error = await force(telling).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'SOURCE_INVALID', message: expect.stringContaining('TypeError') })
  expect(JSON.stringify([error, String(error), app.events])).not.toContain('Canary')
})

describe('a value made of all records', () => {
  const ages = (value: (list: number[]) => number) =>
    airtableValue<number>({
      ...declared,
      value: (records) => value(records.map(({ fields }) => numberCell(fields, 'Age') ?? 0)),
    }) as AirtableField<unknown>
  const sum = ages((list) => list.reduce((one, other) => one + other, 0))

  test('a value is made without a record that makes it throw even alone', async () => {
    await set(2, { Age: 'old' })
    await set(3, { Age: { error: '#ERROR!' } })
    expect(await read(sum)).toBe(10 + 40 + 50)
    expect(flaws()).toMatchObject([
      {
        unreadable: 1,
        erroneous: 1,
        ids: [recordId(2), recordId(3)],
        why: 'the column "Age" no longer holds numbers',
      },
    ])
  })

  test('a value fails when most records make it throw, or when no single one does', async () => {
    const invalid = { code: 'SOURCE_INVALID', cause: { code: 'AIRTABLE_RECORDS_UNREADABLE' } }
    const picky = ages((list) => {
      if (list.length > 4) throw new Error('too many')
      return list.length
    })
    await expect(read(picky)).rejects.toMatchObject(invalid)
    for (const index of [1, 2, 3]) await set(index, { Age: 'old' })
    await expect(force(sum)).rejects.toMatchObject(invalid)
  })
})

test('errors within a lookup are taken out of its list', async () => {
  await set(2, { Tags: ['b', { error: '#ERROR!' }, 'c'] })
  await set(3, { Tags: [{ specialValue: 'Infinity' }] })
  const tags = airtableValue<string[][]>({
    ...declared,
    value: (records) => records.map(({ fields }) => textsCell(fields, 'Tags')),
  }) as AirtableField<unknown>
  expect(await read(tags)).toEqual([['a'], ['b', 'c'], [], ['a'], ['a']])
  expect(flaws()).toMatchObject([{ erroneous: 2, errors: 2 }])
})

/** An empty answer over a full list is more often a fault of the source than the truth. */
import { beforeEach, describe, expect, test } from 'vitest'
import {
  type AirtableField,
  airtableList,
  airtableValue,
  type ListDeclaration,
} from '@/lib/core-services/airtable/airtableField'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
import { textCell } from '@/lib/core-services/airtable/records/cells'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import type { TableData } from '@/local/airtable/tables/table'
import { BASE, changesAppForThisFile } from '@/tests/kit/airtable/changesApp'
import { person } from '@/tests/kit/airtable/fivePeople'
import { askAirtable } from '@/tests/kit/airtable/testAirtable'
import { setEnvironment } from '@/tests/kit/process/environment'
import { redisForThisFile } from '@/tests/kit/redis/redisSuite'

const LIMITS = { ...DELTA_LIMITS, smallView: 0, mostShare: 1 }
/** The filter of the view, which no webhook tells of. */
let filtered: boolean

const TABLE: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  fields: { Name: 'singleLineText', Team: 'singleSelect' },
  views: [{ id: 'viwIn000000000001', name: 'In', includes: ({ Team }) => !filtered && Team === 'in' }],
  records: [1, 2, 3].map((index) => person(index, { Name: `Name ${index}`, Team: 'in' })),
}
const app = changesAppForThisFile(redisForThisFile(), [TABLE])

interface Person {
  id: string
  name: string
}
const declared = {
  name: 'people',
  key: 'people',
  ttl: 3_600,
  memoryTtl: 0,
  anonymousForce: 60,
  table: { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.id }) },
  view: 'viwIn000000000001',
  columns: ['Name'],
  item: ({ id, fields }) => ({ id, name: textCell(fields, 'Name') }),
  order: (one, other) => (one.id < other.id ? -1 : 1),
} satisfies ListDeclaration<Person>
const people = airtableList(declared) as AirtableField<unknown>
const count = airtableValue<number>({
  ...declared,
  value: (records) => records.length,
}) as AirtableField<unknown>

const answer = (field = people, force: 'never' | 'anonymous' | 'always' = 'never') =>
  readFieldCache(field, force)
const size = async (field = people) => ((await answer(field)).data as Person[]).length

async function move(team: string, ...indices: number[]): Promise<void> {
  app.pass(5_000)
  const records = indices.map((index) => ({ id: person(index, {}).id, fields: { Team: team } }))
  expect((await askAirtable(app.airtable, 'People', { method: 'PATCH', body: { records } })).status).toBe(200)
}
/** The value stands. */
async function standing(field = people): Promise<void> {
  await app.drain([field], 'ping')
  app.pass(5_000)
  await answer(field)
}

beforeEach(async () => {
  filtered = false
  await move('in', 1, 2, 3)
})

const emptied = { code: 'SOURCE_INVALID', cause: { code: 'AIRTABLE_VIEW_EMPTIED' } }
const told = () => app.events.of('refresh.failed').map(({ reason, cause }) => [reason, cause])

describe('one empty answer over a full list', () => {
  beforeEach(() => standing())

  test('the cron rejects one empty answer over a full list', async () => {
    filtered = true
    app.pass(2_000_000)
    expect((await app.cron([people])).fields).toMatchObject([{ outcome: 'failed' }])
    expect(told()).toEqual([['cron', 'AIRTABLE_VIEW_EMPTIED']])
    expect(await size()).toBe(3)
    filtered = false
    app.pass(200_000)
    expect((await app.cron([people])).fields).toMatchObject([{ outcome: 'refreshed' }])
  })

  test('one empty answer over a full list is rejected for readers of stale values and in outages', async () => {
    const windows = { ...people, staleWhileRevalidate: 3_600, staleIfError: 3_600 }
    await answer(windows, 'always')
    filtered = true
    app.pass(3_700_000)
    expect(await answer(windows)).toMatchObject({ status: 'stale', data: { length: 3 } })
    await expect.poll(told).toEqual([['stale', 'AIRTABLE_VIEW_EMPTIED']])
    app.pass(3_700_000)
    expect(await answer(windows)).toMatchObject({ status: 'degraded', data: { length: 3 } })
  })

  test('a force without the token does not accept an empty answer, a force by an admin does', async () => {
    filtered = true
    await expect(answer(people, 'anonymous')).rejects.toMatchObject(emptied)
    expect(await size()).toBe(3)
    expect(await answer(people, 'always')).toMatchObject({ status: 'refreshed', data: [] })
    expect(await size()).toBe(0)
  })

  test('an empty answer is accepted when the old list is expired or invalidated', async () => {
    filtered = true
    await invalidateField(people)
    expect(await answer()).toMatchObject({ status: 'miss', data: [] })
    filtered = false
    await answer(people, 'always')
    filtered = true
    app.pass(3_700_000)
    expect(await answer()).toMatchObject({ status: 'miss', data: [] })
  })

  test('a field with mayBeEmpty accepts an empty answer at once', async () => {
    filtered = true
    const lenient = airtableList({ ...declared, mayBeEmpty: true }) as AirtableField<unknown>
    app.pass(2_000_000)
    expect((await app.cron([lenient])).fields).toMatchObject([{ outcome: 'refreshed' }])
    expect(await size(lenient)).toBe(0)
  })

  test('an empty answer after a ping that names none of its records is rejected', async () => {
    filtered = true
    app.airtable.controls.act({
      do: 'payload',
      payload: { changedTablesById: { [TABLE.id]: { changedFieldsById: { fldX: { current: {} } } } } },
    })
    await expect(app.drain([people], 'ping')).rejects.toMatchObject(emptied)
    expect(await size()).toBe(3)
  })
})

describe('a list that empties record by record', () => {
  test.each([
    ['read as a whole', DELTA_LIMITS],
    ['read record by record', LIMITS],
  ])('ends empty, %s', async (_, limits) => {
    await standing()
    for (const index of [1, 2, 3]) {
      await move('out', index)
      await app.drain([people], 'ping', limits)
      app.pass(2_500)
      await app.drain([people], 'recheck', limits)
    }
    expect(await size()).toBe(0)
    expect(told()).toEqual([])
  })

  test('a list from which all records leave at once ends empty', async () => {
    await standing()
    await move('out', 1, 2, 3)
    await app.drain([people], 'ping')
    app.pass(2_500)
    await app.drain([people], 'recheck')
    expect(await size()).toBe(0)
  })
})

test('a view that was empty before may stay empty', async () => {
  filtered = true
  await standing()
  app.pass(2_000_000)
  expect((await app.cron([people])).fields).toMatchObject([{ outcome: 'refreshed' }])
})

describe.each([
  ['with', () => undefined],
  ['without', () => setEnvironment({ AIRTABLE_WEBHOOK_SECRETS: '' })],
])('%s a webhook', (_, prepare) => {
  test('a value made from all records rejects an empty view that had records before', async () => {
    prepare()
    expect((await answer(count)).data).toBe(3)
    filtered = true
    app.pass(2_000_000)
    expect((await app.cron([count])).fields).toMatchObject([{ outcome: 'failed' }])
    expect((await answer(count)).data).toBe(3)
    expect(await answer(count, 'always')).toMatchObject({ data: 0 })
  })

  test('a list keeps the previous item of a record that has become unreadable', async () => {
    prepare()
    await answer()
    await askAirtable(app.airtable, `People/${person(2, {}).id}`, {
      method: 'PATCH',
      body: { fields: { Name: 7 } },
    })
    app.pass(2_000_000)
    await app.cron([people])
    expect(await size()).toBe(3)
    expect(app.events.of('source.flawed')).toContainEqual(expect.objectContaining({ unreadable: 1 }))
    await askAirtable(app.airtable, `People/${person(2, {}).id}`, {
      method: 'PATCH',
      body: { fields: { Name: 'B' } },
    })
  })
})

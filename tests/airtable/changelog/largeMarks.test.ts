/** What a mark has to note of many records: it never breaks the field, however much that is. */
import { expect, test } from 'vitest'
import { type AirtableField, airtableList } from '@/lib/core-services/airtable/airtableField'
import { decodeMark, encodeMark, type SyncMark } from '@/lib/core-services/airtable/changelog/syncMark'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { type FetchContext, MOST_NOTE_CHARACTERS } from '@/lib/core-services/cache/fields/fieldConfig'
import { fieldRuntime } from '@/lib/core-services/cache/processContext'
import { createTable, type TableData } from '@/local/airtable/tables/table'
import { BASE, changesAppForThisFile } from '../../kit/airtable/changesApp'
import { person } from '../../kit/airtable/fivePeople'
import { refetched } from '../../kit/airtable/refetched'
import { askAirtable } from '../../kit/airtable/testAirtable'
import { storedEntry } from '../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const TABLE: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  fields: { Name: 'singleLineText', Team: 'singleLineText' },
  views: [{ id: 'viwIn000000000001', name: 'In', includes: ({ Team }) => Team !== 'out' }],
  records: Array.from({ length: 800 }, (_, index) =>
    person(index + 1, { Name: `Name ${index}`, Team: 'in' }),
  ),
}
const redis = redisForThisFile()
const app = changesAppForThisFile(redis, [TABLE])

function listBy(column: string): AirtableField<unknown> {
  const name = column === 'Name' ? 'by-name' : 'by-id'
  return airtableList({
    name,
    key: name,
    ttl: 'forever',
    memoryTtl: 0,
    table: { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.id }) },
    view: 'viwIn000000000001',
    columns: [column],
    item: ({ id, fields }) => ({ id, name: String(fields[column]) }),
    order: (one, other) => one.name.localeCompare(other.name),
  }) as AirtableField<unknown>
}

async function standing(field: AirtableField<unknown>): Promise<void> {
  await app.drain([field], 'ping')
  app.pass(5_000)
  await readFieldCache(field)
  app.pass(5_000)
}

async function write(count: number, fields: Record<string, unknown>): Promise<void> {
  for (let first = 0; first < count; first += 10) {
    const records = Array.from({ length: 10 }, (_, index) => ({
      id: person(first + index + 1, {}).id,
      fields,
    }))
    app.pass(20)
    expect((await askAirtable(app.airtable, 'People', { method: 'PATCH', body: { records } })).status).toBe(
      200,
    )
  }
}

test('sixty records that are changed twice within two seconds are synced', async () => {
  const [name] = createTable(TABLE).fields
  const people = listBy(name?.id ?? '')
  await standing(people)
  await write(60, { Name: 'Renamed' })
  await app.drain([people], 'ping')
  await write(60, { Team: 'out' })
  await app.drain([people], 'ping')
  app.pass(5_000)
  await app.drain([people], 'recheck')
  expect((await readFieldCache(people)).data).toEqual(await refetched(people))
})

test('sixty records that are deleted, and brought back by "undo" within two seconds, are synced', async () => {
  const people = listBy('Name')
  // Those that the test above has left in the view.
  const ids = Array.from({ length: 60 }, (_, index) => person(index + 101, {}).id)
  const tell = (content: object) =>
    app.airtable.controls.act({ do: 'payload', payload: { changedTablesById: { [TABLE.id]: content } } })
  await standing(people)
  tell({ destroyedRecordIds: ids })
  await app.drain([people], 'ping')
  const createdTime = new Date().toISOString()
  const made = ids.map((id) => [id, { createdTime, cellValuesByFieldId: {} }])
  tell({ createdRecordsById: Object.fromEntries(made) })
  await app.drain([people], 'ping')
  expect((await readFieldCache(people)).data).toEqual(await refetched(people))
})

const times = (count: number, at: (index: number) => number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`rec${String(index).padStart(14, '0')}`, at(index)]),
  )
const mark: SyncMark = {
  hook: 'achA',
  cursor: 5,
  at: 1,
  shape: 's',
  records: 900,
  pending: {},
  followed: true,
}

test('a mark of a hundred records, each touched twice, comes back as it was', () => {
  const full = {
    ...mark,
    pending: times(100, () => 1_764_300_000_000),
    shown: times(100, () => 1_764_300_000_001),
  }
  expect(decodeMark(encodeMark(full))).toEqual(full)
})

test('a mark with more than a note can hold says that any record may be behind, since the latest of its times', () => {
  const huge = {
    ...mark,
    pending: times(150, (index) => 1_764_300_000_000 + index),
    shown: { recZ: 1_764_300_009_000 },
  }
  const note = encodeMark(huge)
  expect(note.length).toBeLessThanOrEqual(MOST_NOTE_CHARACTERS)
  expect(decodeMark(note)).toEqual({ ...mark, pending: {}, anyPending: 1_764_300_009_000 })
})

test.each(['{', '{"hook":"achA"}', JSON.stringify({ ...mark, pending: { recA: 1 } }), '[]', 'null'])(
  'a note that is no mark of this release counts as none: %s',
  (note) => expect(decodeMark(note)).toBeNull(),
)

/** The value stands with a mark of more pending records than it can note. */
async function standingWithMany(people: AirtableField<unknown>): Promise<void> {
  await standing(people)
  const now = fieldRuntime().ports.clock.now()
  const { cursor = 1 } = decodeMark((await storedEntry(fieldRuntime(), people.key))?.note) ?? {}
  const pending = times(300, () => now)
  const fetcher = (context: FetchContext) =>
    people.airtable.read(context, { hook: app.hook, cursor, pending })
  await readFieldCache({ ...people, fetcher }, 'always')
}

test('a list with more changed records than a mark can hold is read whole two seconds later', async () => {
  const people = listBy('Name')
  await standingWithMany(people)
  // It is not time yet, and that is not forgotten.
  expect(await app.drain([people], 'recheck')).toBe(2_100)
  app.pass(2_000)
  expect(await app.drain([people], 'recheck')).toBeUndefined()
  expect(app.events.of('field.synced')).toMatchObject([{ how: 'all', why: 'many-records', pending: 0 }])
  expect((await readFieldCache(people)).data).toEqual(await refetched(people))
})

test('a list with more changed records than a mark can hold is read whole with the next change, when reads can be believed', async () => {
  const people = listBy('Name')
  await standingWithMany(people)
  await write(10, { Name: 'Anew' })
  expect(await app.drain([people], 'ping')).toBeUndefined()
  expect(app.events.of('field.synced')).toMatchObject([{ how: 'all', why: 'many-records', pending: 0 }])
  expect((await readFieldCache(people)).data).toEqual(await refetched(people))
})

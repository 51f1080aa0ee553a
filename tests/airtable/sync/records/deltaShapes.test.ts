/** A delta merges what is stored, which JSON has changed and no schema has. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type AirtableField, airtableList } from '@/lib/core-services/airtable/airtableField'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
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
  fields: { Name: 'singleLineText', Cents: 'number', Since: 'date' },
  views: [{ id: 'viwIn000000000001', name: 'In' }],
  records: [3, 1, 2].map((i) => person(i, { Name: `Name ${i}`, Cents: i * 1000, Since: `2026-01-0${i}` })),
}
const app = changesAppForThisFile(redisForThisFile(), [TABLE])
const common = {
  key: 'people',
  ttl: 'forever' as const,
  memoryTtl: 0,
  table: { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.id }) },
  view: 'viwIn000000000001',
}
const recordId = (index: number) => person(index, {}).id

/** The value after each of some edits, followed record by record, and what reading everything gives in the end. */
async function afterEdits(field: AirtableField<unknown>, edits: [record: string, fields: object][]) {
  const read = async () => (await readFieldCache(field)).data
  await app.drain([field], 'ping')
  app.pass(5_000)
  const values = [await read()]
  for (const [record, fields] of edits) {
    app.pass(5_000)
    await askAirtable(app.airtable, `People/${record}`, { method: 'PATCH', body: { fields } })
    await app.drain([field], 'ping', LIMITS)
    values.push(await read())
  }
  expect(app.events.of('field.synced').map(({ how }) => how)).toEqual(edits.map(() => 'records'))
  return { values, forced: (await readFieldCache(field, 'always')).data }
}

test('a schema that transforms meets each record once, however many deltas carry it on', async () => {
  const field = airtableList({
    ...common,
    name: 'in-euros',
    schema: z.array(z.object({ id: z.string(), euros: z.number().transform((cents) => cents / 100) })),
    columns: ['Cents'],
    item: ({ id, fields }) => ({ id, euros: Number(fields.Cents) }),
    order: (one, other) => one.euros - other.euros,
  }) as AirtableField<unknown>
  const { values, forced } = await afterEdits(field, [
    [recordId(1), { Cents: 5_000 }],
    [recordId(2), { Cents: 500 }],
  ])
  const euros = (list: unknown) => (list as { euros: number }[]).map((one) => one.euros)
  expect(values.map(euros)).toEqual([
    [10, 20, 30],
    [20, 30, 50],
    [5, 30, 50],
  ])
  expect(values.at(-1)).toEqual(forced)
})

test('items that JSON changes are put in order as they are stored, by a delta as by a full read', async () => {
  interface Hired {
    id: string
    since: Date
  }
  const field = airtableList<Hired>({
    ...common,
    name: 'by-date',
    columns: ['Since'],
    item: ({ id, fields }) => ({ id, since: new Date(String(fields.Since)) }),
    // A Date is a text by then.
    order: (one, other) => String(one.since).localeCompare(String(other.since)),
  }) as AirtableField<unknown>
  const { values, forced } = await afterEdits(field, [[recordId(2), { Since: '2025-12-31' }]])
  const ids = (list: unknown) => (list as Hired[]).map((one) => one.id)
  expect(values.map(ids)).toEqual([
    [recordId(1), recordId(2), recordId(3)],
    [recordId(2), recordId(1), recordId(3)],
  ])
  expect(values.at(-1)).toEqual(forced)
})

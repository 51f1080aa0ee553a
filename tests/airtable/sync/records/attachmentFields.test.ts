import { beforeEach, expect, test } from 'vitest'
import { type AirtableField, airtableList } from '@/lib/core-services/airtable/airtableField'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
import { changeTag } from '@/lib/core-services/airtable/records/table'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { TableData } from '@/local/airtable/tables/table'
import { BASE, changesAppForThisFile } from '../../../kit/airtable/changesApp'
import { person } from '../../../kit/airtable/fivePeople'
import { askAirtable } from '../../../kit/airtable/testAirtable'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const MINUTE = 60_000
const LIMITS = { ...DELTA_LIMITS, smallView: 0, mostShare: 1 }
const photo = { id: 'att00000000000001', filename: 'ada.png', url: 'https://example.com/ada.png' }
const TABLE: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  fields: { Name: 'singleLineText', Photo: 'multipleAttachments' },
  views: [],
  records: [1, 2, 3].map((id) => person(id, { Name: `Name ${id}`, Photo: [photo] })),
}
const app = changesAppForThisFile(redisForThisFile(), [TABLE])

interface Portrait {
  id: string
  name: string
  url: string
}
const table = { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.id }) }
const portraits = airtableList<Portrait>({
  name: 'portraits',
  key: 'portraits',
  ttl: 'forever',
  memoryTtl: 0,
  table,
  columns: ['Name', 'Photo'],
  item: ({ id, fields: { Name, Photo } }) => ({
    id,
    name: String(Name),
    url: String(Object(Array.isArray(Photo) ? Photo[0] : null).url),
  }),
  order: (one, other) => one.name.localeCompare(other.name),
})
const fields = [portraits as AirtableField<unknown>]
const read = () => readFieldCache(portraits)
const drain = () => app.drain(fields, 'ping', LIMITS)

beforeEach(async () => {
  await drain()
  app.pass(MINUTE)
  await read()
  app.events.all.length = 0
})

test('a value with URLs of attachments is served for less than the two hours in which they are good', async () => {
  app.pass(95 * MINUTE)
  expect((await read()).status).toBe('hit')
  app.pass(6 * MINUTE)
  expect((await read()).status).toBe('miss')
})

test('a change of one record does not extend the life of the URLs of the others', async () => {
  app.pass(60 * MINUTE)
  const edited = `People/${person(2, {}).id}`
  await askAirtable(app.airtable, edited, { method: 'PATCH', body: { fields: { Name: 'Zoe' } } })
  await drain()
  expect(app.events.of('field.synced')).toMatchObject([{ how: 'records' }])
  app.pass(35 * MINUTE)
  expect((await read()).data.at(-1)).toMatchObject({ name: 'Zoe' })
  expect((await read()).status).toBe('hit')
  app.pass(6 * MINUTE)
  expect((await read()).status).toBe('miss')
})

test('records that are read after a change have new URLs, and the value ends no later', async () => {
  const before = (await read()).data
  const edited = `People/${person(2, {}).id}`
  await askAirtable(app.airtable, edited, { method: 'PATCH', body: { fields: { Name: 'Name 2b' } } })
  await drain()
  const kept = (await read()).data.filter(({ url }) => before.some((one) => one.url === url))
  expect(kept.map(({ id }) => id).sort()).toEqual([person(1, {}).id, person(3, {}).id])
  app.pass(101 * MINUTE)
  expect((await read()).status).toBe('miss')
})

test('URLs that differ in each answer are no change', async () => {
  const before = (await read()).data
  app.airtable.resetCounters()
  app.pass(30 * MINUTE)
  await drain()
  expect(await app.drain(fields, 'recheck', LIMITS)).toBeUndefined()
  await app.drain(fields, 'cron', LIMITS)
  expect((await read()).data).toEqual(before)
  expect(app.airtable.counters.byKind).not.toHaveProperty('list')
  const rotated = app.events.of('field.invalidated').flatMap(({ guards }) => guards)
  expect(rotated).not.toContain(`tag:${changeTag(table)}`)
  expect(app.events.of('refresh.started')).toEqual([])
})

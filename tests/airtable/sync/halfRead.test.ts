import { beforeEach, expect, test, vi } from 'vitest'
import { type AirtableField, airtableList } from '@/lib/core-services/airtable/airtableField'
import { buildRecord } from '@/lib/core-services/airtable/changelog/webhookStore'
import type { AirtableRecord } from '@/lib/core-services/airtable/records/page'
import type { Part } from '@/lib/core-services/airtable/records/readPages'
import { createWebhookSync } from '@/lib/core-services/airtable/webhooks/webhookSync'
import type { FetchContext } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import { processForEachTest } from '@/tests/kit/fields/fieldProcess'
import { redisForThisFile } from '@/tests/kit/redis/redisSuite'

const HALF = 300
const here = processForEachTest(redisForThisFile())
const hook = buildRecord({ id: 'achHook', baseId: 'appBase', scope: 'tblItems', cursor: 1 }, 0)

interface Item {
  id: string
  name: string
}
const field: AirtableField<Item[]> = airtableList<Item>({
  name: 'items',
  key: 'items_list',
  ttl: 600,
  memoryTtl: 0,
  table: { name: 'items', locate: () => ({ baseId: 'appBase', tableId: 'tblItems' }) },
  columns: ['Name'],
  item: ({ id, fields }) => ({ id, name: String(fields.Name) }),
  order: (one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)),
})

/** The view, of which one refresh reads a half; and the log of what was changed in it. */
let view: AirtableRecord[]
let log: object[]
let parts: number

const record = (index: number, Name = `Item ${1_000 + index}`): AirtableRecord => ({
  id: `rec${index}`,
  createdTime: '',
  fields: { Name },
})

function rename(index: number, name: string): void {
  view[index] = record(index, name)
  const changedRecordsById = { [`rec${index}`]: { current: { cellValuesByFieldId: {} } } }
  log.push({ payloadFormat: 'v0', changedTablesById: { tblItems: { changedRecordsById } } })
}

beforeEach(() => {
  view = Array.from({ length: 2 * HALF }, (_, index) => record(index))
  log = []
  parts = 0
  const airtable = {
    async readPart(_base: string, _table: string, _options: object, { from }: Part) {
      parts += 1
      if (from) return { records: [...from.records, ...view.slice(HALF)], rest: null }
      return { records: view.slice(0, HALF), rest: { pages: 3, offset: 'itrHalf' } }
    },
    fetchRecords: async (_base: string, _table: string, { ids }: { ids: string[] }) =>
      view.filter(({ id }) => ids.includes(id)),
  }
  vi.spyOn(serviceRegistry, 'getService').mockImplementation(async () => airtable as never)
})

async function ping(): Promise<void> {
  const payloads = async (_base: string, _hook: string, cursor = 1) => {
    const page = log.slice(cursor - 1)
    return { payloads: page as never[], cursor: cursor + page.length, mightHaveMore: false }
  }
  const store = { read: async () => [hook], save: async () => undefined }
  const api = async () => ({ payloads }) as never
  const sync = createWebhookSync([field], { api, runtime: here.runtime, store })
  await sync({ baseId: hook.baseId, webhookId: hook.id }, 'ping', new AbortController().signal)
}

const names = async () => (await here.read(field)).data.map(({ name }) => name)

test('a change does not discard the pages of a view that is read for the first time', async () => {
  await expect(forceRefresh(here.runtime, field, 'cron')).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED' })
  rename(0, 'Aaron')

  await expect(ping()).rejects.toMatchObject({ code: 'AIRTABLE_HALF_READ' })

  await forceRefresh(here.runtime, field, 'cron')
  expect(parts).toBe(2)
})

test('changes during a read in parts are in the finished value', async () => {
  const whole = field.airtable.read
  const marked = {
    ...field,
    fetcher: (context: FetchContext) => whole(context, { hook: hook.id, cursor: 1 }),
  }
  await expect(forceRefresh(here.runtime, marked, 'cron')).rejects.toMatchObject({
    code: 'SOURCE_UNFINISHED',
  })
  await forceRefresh(here.runtime, marked, 'cron')
  for (let index = 0; index < 150; index += 1) rename(index, `Renamed ${index}`)
  await expect(ping()).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED' })
  rename(7, 'Aaron')

  await ping()

  expect(await names()).toContain('Aaron')
})

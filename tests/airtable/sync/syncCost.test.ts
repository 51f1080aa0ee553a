/** What it costs to follow edits in the sample app, in requests to Airtable: told in docs/airtable.md. */
import { describe, expect, test } from 'vitest'
import { airtableValue } from '@/lib/core-services/airtable/airtableField'
import { agentsCacheConfig, fields, headcountCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { AnyField } from '@/lib/core-services/cache/fields/fieldConfig'
import { generatePeople, PEOPLE_TABLE } from '@/local/data/people'
import { BASE, changesAppForThisFile } from '@/tests/kit/airtable/changesApp'
import { askAirtable } from '@/tests/kit/airtable/testAirtable'
import { setEnvironment } from '@/tests/kit/process/environment'
import { redisForThisFile } from '@/tests/kit/redis/redisSuite'

const table = generatePeople()
const agents = table.records
  .filter(({ fields: cells }) => table.views[0]?.includes?.(cells))
  .map(({ id }) => id)
const app = changesAppForThisFile(redisForThisFile(), [table])

let writes = 0

/** A new name for so many agents. */
async function edit(count: number): Promise<void> {
  writes += 1
  const records = agents.slice(0, count).map((id) => ({ id, fields: { Nombre: `Name ${writes}` } }))
  for (let from = 0; from < count; from += 10) {
    app.pass(1_000)
    const body = { records: records.slice(from, from + 10) }
    expect((await askAirtable(app.airtable, PEOPLE_TABLE.id, { method: 'PATCH', body })).status).toBe(200)
  }
}

/** Both looks at what a ping has announced: the requests to Airtable, by what they asked for. */
async function follow(watched: readonly AnyField[]): Promise<Record<string, number>> {
  app.pass(2_000)
  app.airtable.resetCounters()
  const again = await app.drain(watched, 'ping')
  if (typeof again === 'number') {
    app.pass(again)
    await app.drain(watched, 'recheck')
  }
  return { ...app.airtable.counters.byKind }
}

async function standing(watched: readonly AnyField[]): Promise<void> {
  setEnvironment({ AIRTABLE_RRHH_BASE_ID: BASE, AIRTABLE_RRHH_PEOPLE_TABLE_ID: PEOPLE_TABLE.id })
  await app.drain(watched, 'ping')
  app.pass(5_000)
  for (const field of watched) await readFieldCache(field)
  app.pass(5_000)
}

const list = agentsCacheConfig as AnyField
const value = headcountCacheConfig as AnyField

/** 240 agents are three pages. */
test.each([
  { what: 'one edit, by a list', watched: [list], edits: 1, reads: 2 },
  { what: 'one edit, by a value made of all records', watched: [value], edits: 1, reads: 3 },
  { what: 'one edit, by both', watched: [list, value], edits: 1, reads: 5 },
  { what: '20 edits at once, by both', watched: [list, value], edits: 20, reads: 5 },
  { what: '60 edits at once, by a list that is then read as a whole', watched: [list], edits: 60, reads: 4 },
])('$what: one listing of payloads and $reads reads', async ({ watched, edits, reads }) => {
  await standing(watched)
  await edit(edits)
  expect(await follow(watched)).toEqual({ listPayloads: 1, list: reads })
})

test('a ping for nothing costs one listing of payloads and one of webhooks', async () => {
  await standing(fields)
  expect(await follow(fields)).toEqual({ listPayloads: 1, listWebhooks: 1 })
})

describe('a table with syncEvery', () => {
  const every = (syncEvery: number) =>
    airtableValue<number>({
      name: `every-${syncEvery}`,
      key: `every${syncEvery}`,
      ttl: 3_600,
      columns: ['Nombre'],
      table: { name: 'people', locate: () => ({ baseId: BASE, tableId: PEOPLE_TABLE.id }), syncEvery },
      value: (records) => records.length,
    }) as AnyField

  test('the shortest syncEvery of the tables of a webhook separates two syncs for pings', async () => {
    expect(await app.sync([every(30)], 'ping')).toMatchObject({ pauseMs: 30_000 })
    expect(await app.sync([every(30), every(60)], 'ping')).toMatchObject({ pauseMs: 30_000 })
    expect(await app.sync([every(30), every(0)], 'ping')).toEqual({ pauseMs: 0 })
  })

  test.each([61, 0.5, -1, Number.NaN])(
    'syncEvery of %d seconds is rejected by the name of the option',
    (seconds) => {
      expect(() => every(seconds)).toThrow(
        expect.objectContaining({ code: 'FIELD_INVALID', message: expect.stringContaining('syncEvery') }),
      )
    },
  )
})

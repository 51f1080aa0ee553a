import { AirtableTs, type Table } from 'airtable-ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { startTestAirtable, TEST_AIRTABLE } from '@/tests/kit/airtable/testAirtable'

const { apiKey, tableId, view } = TEST_AIRTABLE

interface Person {
  id: string
  name: string
  post: string | null
  joined: string | null
}

const schema = { name: 'string', post: 'string | null', joined: 'string | null' } as const

let server: AirtableServer
let baseId: string
let bases = 0

beforeEach(async () => {
  let now = 0
  // The package remembers the schema of a base for two minutes, in every instance: each test has a base of its own.
  bases += 1
  baseId = `appTest${String(bases).padStart(10, '0')}`
  server = await startTestAirtable({ baseId, clock: () => (now += 1_000) })
})
afterEach(() => server.close())

const client = () => new AirtableTs({ apiKey, endpointUrl: server.url, noRetryIfRateLimited: true })

async function peopleByFieldId(): Promise<Table<Person>> {
  const response = await fetch(`${server.url}/v0/meta/bases/${baseId}/tables`, {
    headers: { authorization: `Bearer ${apiKey}` },
  })
  const { tables } = (await response.json()) as { tables: { fields: { id: string; name: string }[] }[] }
  const toFieldId = (name: string) => tables[0]?.fields.find((field) => field.name === name)?.id ?? ''
  const mappings = { name: toFieldId('Nombre'), post: toFieldId('Cargo'), joined: toFieldId('Alta') }
  return { name: 'people', baseId, tableId, schema, mappings }
}

const peopleByName = (): Table<Person> => ({
  name: 'people',
  baseId,
  tableId,
  schema,
  mappings: { name: 'Nombre', post: 'Cargo', joined: 'Alta' },
})

describe.each([
  ['field ids', peopleByFieldId],
  ['field names', peopleByName],
])('airtable-ts with %s', (_, define) => {
  it('scans a view, page by page, into its own types', async () => {
    const table = await define()
    server.resetCounters()
    const people = await client().scan(table, { view })
    expect(people).toHaveLength(240)
    expect(people[0]).toEqual({
      id: 'rec7SBgS7f1x33JhR',
      name: 'Lucía Cañizares Iturralde',
      post: 'Agente',
      joined: '2018-08-06T00:00:00.000Z',
    })
    expect(server.counters.byKind).toEqual({ schema: 1, list: 3 })
  })

  it('scans by ids', async () => {
    const table = await define()
    const people = await client().scan(table, { maxRecords: 3 })
    const ids = people.map(({ id }) => id)
    const formula = `OR(${ids.map((id) => `RECORD_ID() = "${id}"`).join(', ')})`
    expect(await client().scan(table, { filterByFormula: formula })).toEqual(people)
  })

  it('inserts, gets, updates and removes a record', async () => {
    const table = await define()
    const inserted = await client().insert(table, { name: 'Ada', post: 'Agente', joined: '2020-05-01' })
    expect(inserted).toEqual({
      id: expect.stringMatching(/^rec\w{14}$/),
      name: 'Ada',
      post: 'Agente',
      joined: '2020-05-01T00:00:00.000Z',
    })
    const { id } = inserted
    expect(await client().get(table, id)).toEqual(inserted)
    const updated = await client().update(table, { id, name: 'Grace', post: null })
    expect(updated).toEqual({ ...inserted, name: 'Grace', post: null })
    expect(await client().get(table, id)).toEqual(updated)
    expect(await client().remove(table, id)).toEqual({ id })
    await expect(client().get(table, id)).rejects.toThrow('Could not find')
  })
})

it('lets airtable-ts name the field that the table does not have', async () => {
  const table: Table<{ id: string; height: string }> = {
    name: 'people',
    baseId,
    tableId,
    schema: { height: 'string' },
    mappings: { height: 'Altura' },
  }
  await expect(client().scan(table)).rejects.toThrow("Field 'Altura' does not exist")
})

import Airtable from 'airtable'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { startTestAirtable, TEST_AIRTABLE } from '@/tests/support/testAirtable'

const { apiKey, baseId, tableId, tableName, view, viewId } = TEST_AIRTABLE

let server: AirtableServer
let now: number

beforeEach(async () => {
  now = 0
  server = await startTestAirtable({ clock: () => now })
})
afterEach(() => server.close())

function base() {
  return new Airtable({ apiKey, endpointUrl: server.url, noRetryIfRateLimited: true }).base(baseId)
}

describe('the official client', () => {
  it('reads the whole agents view in three pages', async () => {
    const records = await base()(tableName)
      .select({ view, fields: ['Nombre'] })
      .all()
    expect(records).toHaveLength(240)
    expect(new Set(records.map(({ id }) => id)).size).toBe(240)
    expect(new Set(records.flatMap(({ fields }) => Object.keys(fields)))).toEqual(new Set(['Nombre']))
    expect(server.counters).toMatchObject({ requests: 3, byKind: { list: 3 } })
  })

  it('reads the same when it is told to POST its parameters', async () => {
    const sort = [{ field: 'Nombre', direction: 'desc' as const }]
    const byGet = await base()(tableId).select({ view, sort, maxRecords: 110 }).all()
    now = 1_000
    const byPost = await base()(tableId).select({ view, sort, maxRecords: 110, method: 'post' }).all()
    expect(byPost.map(({ id }) => id)).toEqual(byGet.map(({ id }) => id))
    expect(server.counters.byKind).toMatchObject({ list: 2, listRecords: 2 })
  })

  it('pages by hand with makeRequest and its offset', async () => {
    const ids: string[] = []
    let offset: string | undefined
    do {
      const { body } = await base().makeRequest({
        path: `/${tableId}`,
        qs: { view: viewId, fields: ['Nombre', 'Cargo'], pageSize: 100, offset },
      })
      ids.push(...body.records.map((record: { id: string }) => record.id))
      offset = body.offset
    } while (offset !== undefined)
    expect(new Set(ids).size).toBe(240)
    expect(server.counters.requests).toBe(3)
  })

  it('finds and updates one record', async () => {
    const [first] = await base()(tableId).select({ view, maxRecords: 1 }).firstPage()
    await base()(tableId).update(String(first?.id), { Nombre: 'Nueva Persona' })
    const found = await base()(tableId).find(String(first?.id))
    expect(found.get('Nombre')).toBe('Nueva Persona')
  })

  it.each([
    ['a wrong key', { key: 'patWrong' }, { error: 'AUTHENTICATION_REQUIRED', statusCode: 401 }],
    ['an unknown table', { table: 'Nothing' }, { error: 'NOT_AUTHORIZED', statusCode: 403 }],
    ['an unknown view', { view: 'Nadie' }, { error: 'VIEW_NAME_NOT_FOUND', statusCode: 422 }],
    ['an unknown field', { field: 'Altura' }, { error: 'UNKNOWN_FIELD_NAME', statusCode: 422 }],
  ])('understands the answer to %s', async (_, wrong: Record<string, string>, error) => {
    const client = new Airtable({ apiKey: wrong.key ?? apiKey, endpointUrl: server.url }).base(baseId)
    const query = client(wrong.table ?? tableId).select({
      view: wrong.view ?? view,
      fields: [wrong.field ?? 'Nombre'],
    })
    await expect(query.all()).rejects.toMatchObject(error)
  })

  it('understands a refusal by the rate limit', async () => {
    await base()(tableId).select({ view }).all()
    await expect(base()(tableId).select({ view }).all()).rejects.toMatchObject({
      error: 'TOO_MANY_REQUESTS',
      statusCode: 429,
    })
    expect(server.counters.refusals).toBe(1)
  })
})

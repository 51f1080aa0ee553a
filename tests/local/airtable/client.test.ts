import Airtable from 'airtable'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { startTestAirtable, TEST_AIRTABLE } from '@/tests/kit/airtable/testAirtable'

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

  it('POSTs by itself when the formula makes the URL too long, and finds the records it names', async () => {
    const records = await base()(tableId).select({ view }).all()
    now = 1_000
    // As many as one page takes, each written out at length: more than the 15,000 characters it puts into a URL.
    const ids = records.slice(100, 200).map(({ id }) => id)
    const filterByFormula = `OR(${ids.map((id) => `RECORD_ID()${' '.repeat(80)}=${' '.repeat(80)}'${id}'`).join(',')})`
    const found = await base()(tableId)
      .select({ view, filterByFormula, timeZone: 'Europe/Madrid', userLocale: 'es' })
      .all()
    expect(found.map(({ id }) => id)).toEqual(ids)
    expect(server.counters.byKind).toEqual({ list: 3, listRecords: 1 })
  })

  it('asks for fields by id, and gets them so', async () => {
    const id = 'fld08b927b36122c7'
    const query = { view, fields: [id], maxRecords: 1, returnFieldsByFieldId: true }
    const byGet = await base()(tableId).select(query).all()
    const byPost = await base()(tableId)
      .select({ ...query, method: 'post' })
      .all()
    expect(byGet.map(({ fields }) => fields)).toEqual([{ [id]: 'Lucía Cañizares Iturralde' }])
    expect(byPost.map(({ fields }) => fields)).toEqual(byGet.map(({ fields }) => fields))
  })

  it('reads each page in turn, or only the first', async () => {
    const sizes: number[] = []
    await base()(tableId)
      .select({ view, pageSize: 90 })
      .eachPage((records, next) => {
        sizes.push(records.length)
        next()
      })
    expect(sizes).toEqual([90, 90, 60])
    expect(await base()(tableId).select({ view }).firstPage()).toHaveLength(100)
  })

  it('finds, updates and replaces one record', async () => {
    const [first] = await base()(tableId).select({ view, maxRecords: 1 }).firstPage()
    const id = String(first?.id)
    await base()(tableId).update(id, { Nombre: 'Nueva Persona' })
    const found = await base()(tableId).find(id)
    expect(found.fields).toEqual({ ...first?.fields, Nombre: 'Nueva Persona' })
    const replaced = await base()(tableId).replace(id, { Nombre: 'Otra' }, { typecast: true })
    expect(replaced.fields).toEqual({ Nombre: 'Otra' })
  })

  it('creates and deletes one record', async () => {
    const created = await base()(tableId).create({ Nombre: 'Ada' })
    expect(created.fields).toEqual({ Nombre: 'Ada' })
    expect((await base()(tableId).destroy(created.id)).id).toBe(created.id)
    await expect(base()(tableId).find(created.id)).rejects.toMatchObject({
      error: 'NOT_FOUND',
      statusCode: 404,
    })
  })

  it('creates, updates and deletes several records', async () => {
    const created = await base()(tableId).create([{ fields: { Nombre: 'A' } }, { fields: { Nombre: 'B' } }])
    const ids = created.map(({ id }) => id)
    const updated = await base()(tableId).update(ids.map((id) => ({ id, fields: { Cargo: 'Agente' } })))
    expect(updated.map(({ fields }) => fields)).toEqual([
      { Nombre: 'A', Cargo: 'Agente' },
      { Nombre: 'B', Cargo: 'Agente' },
    ])
    const replaced = await base()(tableId).replace(ids.map((id) => ({ id, fields: { Nombre: 'C' } })))
    expect(replaced.map(({ fields }) => fields)).toEqual([{ Nombre: 'C' }, { Nombre: 'C' }])
    const deleted = await base()(tableId).destroy(ids)
    expect(deleted.map(({ id }) => id)).toEqual(ids)
    expect(server.counters.byKind).toEqual({ create: 1, update: 2, delete: 1 })
  })

  it('learns that its offset has expired, and begins again', async () => {
    const page = (offset?: string) =>
      base().makeRequest({ path: `/${tableId}`, qs: { view, fields: ['Nombre'], offset } })
    const first = await page()
    now = 300_001
    await expect(page(first.body.offset)).rejects.toMatchObject({
      error: 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE',
      statusCode: 422,
    })
    const again = await page()
    const second = await page(again.body.offset)
    expect(again.body.records).toEqual(first.body.records)
    expect(second.body.records).toHaveLength(100)
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

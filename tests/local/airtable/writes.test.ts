import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { type AnsweredRecord, askAirtable, startTestAirtable } from '@/tests/kit/airtable/testAirtable'

let server: AirtableServer

beforeEach(async () => {
  let now = 0
  // Every request moves the clock far enough not to meet the rate limit.
  server = await startTestAirtable({ clock: () => (now += 1_000) })
})
afterEach(() => server.close())

const ask = (path: string, method = 'GET', body?: unknown) => askAirtable(server, path, { method, body })

async function list(query = ''): Promise<AnsweredRecord[]> {
  const records: AnsweredRecord[] = []
  let offset = ''
  do {
    const { body } = await ask(`People?${query}&offset=${offset}`)
    const page = body as { records: AnsweredRecord[]; offset?: string }
    records.push(...page.records)
    offset = page.offset ?? ''
  } while (offset !== '')
  return records
}

async function firstTwo(): Promise<[AnsweredRecord, AnsweredRecord]> {
  const [first, second] = await list('maxRecords=2')
  if (first === undefined || second === undefined) throw new Error('the table is empty')
  return [first, second]
}

const newRecord = (fields: Record<string, unknown>) => ({
  id: expect.stringMatching(/^rec\w{14}$/),
  createdTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  fields,
})

describe('creating records', () => {
  it('answers one record and lists it last, leaving empty cells out', async () => {
    const { status, body } = await ask('People', 'POST', {
      fields: { Nombre: 'Ada', Cargo: 'Agente', Web: '' },
    })
    expect({ status, body }).toEqual({ status: 200, body: newRecord({ Nombre: 'Ada', Cargo: 'Agente' }) })
    expect((await list()).at(-1)).toEqual(body)
    expect((await list('view=Agentes de venta')).at(-1)).toEqual(body)
  })

  it('answers a list for `records`, which may be ten', async () => {
    const records = Array.from({ length: 10 }, (_, i) => ({ fields: { Nombre: `Persona ${i}` } }))
    const { body } = await ask('People/', 'POST', { records, typecast: true })
    expect(body).toEqual({ records: records.map(({ fields }) => newRecord(fields)) })
    expect((await list()).slice(-10)).toEqual((body as { records: unknown }).records)
    expect(new Set((await list()).map(({ id }) => id)).size).toBe(274)
  })
})

describe('changing records', () => {
  it('overwrites the named cells of several records with PATCH', async () => {
    const [first, second] = await firstTwo()
    const { body } = await ask('People', 'PATCH', {
      records: [
        { id: second.id, fields: { Nombre: 'Zoe' } },
        { id: first.id, fields: { Nombre: null, Cargo: 'Agente' } },
      ],
    })
    const { Nombre, ...others } = first.fields
    expect(Nombre).toBeDefined()
    const changed = [
      { ...second, fields: { ...second.fields, Nombre: 'Zoe' } },
      { ...first, fields: { ...others, Cargo: 'Agente' } },
    ]
    expect(body).toEqual({ records: changed })
    expect(await firstTwo()).toEqual(changed.toReversed())
  })

  it('empties the cells that PUT does not name, in one record or several', async () => {
    const [first, second] = await firstTwo()
    const one = await ask(`People/${first.id}`, 'PUT', { fields: { Nombre: 'Ana' } })
    expect(one.body).toEqual({ ...first, fields: { Nombre: 'Ana' } })
    const many = await ask('People', 'PUT', { records: [{ id: second.id, fields: { Nombre: 'Eva' } }] })
    expect(many.body).toEqual({ records: [{ ...second, fields: { Nombre: 'Eva' } }] })
    expect((await firstTwo()).map(({ fields }) => fields)).toEqual([{ Nombre: 'Ana' }, { Nombre: 'Eva' }])
  })
})

describe('deleting records', () => {
  it('answers one deleted id, and then does not know the record', async () => {
    const [{ id }] = await firstTwo()
    expect(await ask(`People/${id}`, 'DELETE')).toEqual({ status: 200, body: { id, deleted: true } })
    expect(await ask(`People/${id}`)).toEqual({ status: 404, body: { error: 'NOT_FOUND' } })
    expect(await list()).toHaveLength(263)
  })

  it('answers a list for `records[]`', async () => {
    const ids = (await firstTwo()).map(({ id }) => id)
    const { body } = await ask(`People?records[]=${ids[0]}&records[]=${ids[1]}`, 'DELETE')
    expect(body).toEqual({ records: ids.map((id) => ({ id, deleted: true })) })
    expect(await list()).toHaveLength(262)
  })
})

describe('a write that is refused', () => {
  const missing = 'recNobody00000001'
  const eleven = Array.from({ length: 11 }, () => ({ fields: {} }))

  it.each([
    ['POST', 'People', {}, 'INVALID_REQUEST_MISSING_FIELDS'],
    ['POST', 'People', { Nombre: 'Ada' }, 'INVALID_REQUEST_MISSING_FIELDS'],
    ['POST', 'People', { fields: { Nombre: 'Ada' }, performUpsert: {} }, 'INVALID_REQUEST_UNKNOWN'],
    ['POST', 'People', { fields: { Altura: 1 } }, 'UNKNOWN_FIELD_NAME'],
    ['POST', 'People', { records: eleven }, 'INVALID_RECORDS'],
    ['POST', 'People', { records: [] }, 'INVALID_RECORDS'],
    ['POST', 'People', { records: [{ id: missing, fields: {} }] }, 'INVALID_RECORDS'],
    ['PATCH', 'People', { fields: {} }, 'INVALID_RECORDS'],
    ['PATCH', 'People', { records: [{ fields: {} }] }, 'INVALID_RECORDS'],
    ['PUT', 'People', { records: [{ id: missing, fields: {} }] }, 'ROW_DOES_NOT_EXIST'],
    ['DELETE', 'People', undefined, 'INVALID_RECORDS'],
    ['DELETE', `People?records=${missing}`, undefined, 'INVALID_RECORDS'],
  ])('answers 422 to %s %s with %o', async (method, path, sent, type) => {
    const before = await list()
    const { status, body } = await ask(path, method, sent)
    expect(status).toBe(422)
    expect(body).toHaveProperty('error.type', type)
    expect(body).toHaveProperty('error.message', expect.any(String))
    expect(await list()).toEqual(before)
  })

  it.each([
    ['PATCH', `People/${missing}`, { fields: {} }],
    ['PUT', `People/${missing}`, { fields: {} }],
    ['DELETE', `People/${missing}`, undefined],
    ['DELETE', `People?records[]=${missing}`, undefined],
    ['POST', `People/${missing}`, { fields: {} }],
  ])('answers 404 to %s %s', async (method, path, sent) => {
    expect(await ask(path, method, sent)).toEqual({ status: 404, body: { error: 'NOT_FOUND' } })
  })

  it('does nothing of a batch when one record is wrong', async () => {
    const before = await list()
    const [{ id }] = await firstTwo()
    const good = { id, fields: { Nombre: 'Ada' } }
    await ask('People', 'PATCH', { records: [good, { id: missing, fields: {} }] })
    await ask('People', 'PATCH', { records: [good, { id, fields: { Altura: 1 } }] })
    await ask(`People?records[]=${id}&records[]=${missing}`, 'DELETE')
    expect(await list()).toEqual(before)
  })
})

describe('the schema of the base', () => {
  async function schema(baseId = server.baseId): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${server.url}/v0/meta/bases/${baseId}/tables`, {
      headers: { authorization: `Bearer ${server.apiKey}` },
    })
    return { status: response.status, body: await response.json() }
  }

  it('lists tables, typed fields and views in the vendor’s shape', async () => {
    const { body } = await schema()
    const { tables } = body as { tables: { primaryFieldId: string; fields: Record<string, string>[] }[] }
    expect(body).toEqual({
      tables: [
        {
          id: 'tblPeople00000001',
          name: 'People',
          primaryFieldId: tables[0]?.fields[0]?.id,
          fields: expect.any(Array),
          views: [
            { id: 'viwAgentes0000001', name: 'Agentes de venta', type: 'grid' },
            { id: 'viwTodos000000001', name: 'Todos', type: 'grid' },
          ],
        },
      ],
    })
    expect(tables[0]?.fields.map(({ name, type }) => [name, type])).toEqual([
      ['Nombre', 'singleLineText'],
      ['Cargo', 'singleSelect'],
      ['Estado', 'singleSelect'],
      ['Partido', 'singleSelect'],
      ['Nacimiento', 'date'],
      ['Telefono', 'phoneNumber'],
      ['Web', 'url'],
      ['Oficina', 'singleLineText'],
      ['Alta', 'date'],
    ])
    // Written out, because clients that map fields by id rely on it.
    expect(tables[0]?.fields[0]?.id).toBe('fld08b927b36122c7')
  })

  it('the schema is refused for another base, and counts towards the rate limit', async () => {
    expect(await schema('appOther000000001')).toMatchObject({
      status: 403,
      body: { error: { type: 'INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND' } },
    })
    await server.close()
    server = await startTestAirtable({ clock: () => 0 })
    const statuses: number[] = []
    for (let i = 0; i < 6; i += 1) statuses.push((await schema()).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
    expect(server.counters.byKind).toEqual({ schema: 6 })
  })

  it('names fields by ids that every request accepts in place of names', async () => {
    const { tables } = (await schema()).body as { tables: { fields: { id: string; name: string }[] }[] }
    const toFieldId = (name: string) => tables[0]?.fields.find((field) => field.name === name)?.id ?? name
    const [nombre, cargo] = [toFieldId('Nombre'), toFieldId('Cargo')]
    expect(nombre).toMatch(/^fld\w{14}$/)

    const byId = `fields[]=${nombre}&sort[0][field]=${cargo}&sort[1][field]=${nombre}`
    const byName = 'fields[]=Nombre&sort[0][field]=Cargo&sort[1][field]=Nombre'
    expect(await list(byId)).toEqual(await list(byName))
    const created = await ask('People', 'POST', {
      fields: { [nombre]: 'Ada' },
      returnFieldsByFieldId: true,
    })
    expect(created.body).toEqual(newRecord({ [nombre]: 'Ada' }))
    const { id } = created.body as AnsweredRecord
    const changed = await ask(`People/${id}`, 'PATCH', { fields: { [cargo]: 'Agente' } })
    expect(changed.body).toMatchObject({ fields: { Nombre: 'Ada', Cargo: 'Agente' } })
    const found = await ask(`People/${id}?returnFieldsByFieldId=true`)
    expect(found.body).toEqual(newRecord({ [nombre]: 'Ada', [cargo]: 'Agente' }))
    const listed = await list(`returnFieldsByFieldId=true&fields[]=Cargo&filterByFormula=RECORD_ID()='${id}'`)
    expect(listed).toEqual([newRecord({ [cargo]: 'Agente' })])
  })
})

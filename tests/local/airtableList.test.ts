import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AirtableServer, startAirtableServer } from '@/local/airtable/server'
import type { RecordData, TableData } from '@/local/airtable/types'

const apiKey = 'patTest'
const person = (id: number, fields: Record<string, unknown>): RecordData => ({
  id: `rec${String(id).padStart(14, '0')}`,
  createdTime: '2025-01-01T00:00:00.000Z',
  fields,
})

const table: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  views: [
    {
      id: 'viwActive00000001',
      name: 'Activos',
      includes: (fields) => fields.Activo !== 'no',
      compare: (a, b) => Number(b.Edad) - Number(a.Edad),
    },
    { id: 'viwAll00000000001', name: 'Todos' },
  ],
  records: [
    person(1, { Nombre: 'Ángel', Edad: 30, Activo: 'sí' }),
    person(2, { Nombre: 'Zoe', Edad: 50, Activo: 'sí' }),
    person(3, { Nombre: 'begoña', Edad: 40, Activo: 'no' }),
    person(4, { Nombre: 'Óscar', Edad: 60, Activo: 'sí', Notas: '' }),
    person(5, { Edad: 20, Activo: false, Notas: [], Nombre: null }),
  ],
}

let server: AirtableServer
let now: number

beforeEach(async () => {
  now = 0
  // Every request moves the clock far enough not to meet the rate limit.
  server = await startAirtableServer({ apiKey, tables: [table], clock: () => (now += 1_000) })
})
afterEach(() => server.close())

const address = (path = 'People') => `${server.url}/v0/${server.baseId}/${path}`
const headers = { authorization: `Bearer ${apiKey}` }

async function list(query: string, path?: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${address(path)}?${query}`, { headers })
  return { status: response.status, body: await response.json() }
}

async function names(query: string): Promise<unknown[]> {
  const { body } = await list(query)
  return (body as { records: RecordData[] }).records.map(({ fields }) => fields.Nombre)
}

async function errorType(query: string): Promise<unknown> {
  const { status, body } = await list(query)
  expect(status).toBe(422)
  return (body as { error: { type: string } }).error.type
}

describe('listing records', () => {
  it('answers the vendor’s record shape and leaves empty values out', async () => {
    const { body } = await list('')
    expect((body as { records: unknown[] }).records).toEqual([
      person(1, { Nombre: 'Ángel', Edad: 30, Activo: 'sí' }),
      person(2, { Nombre: 'Zoe', Edad: 50, Activo: 'sí' }),
      person(3, { Nombre: 'begoña', Edad: 40, Activo: 'no' }),
      person(4, { Nombre: 'Óscar', Edad: 60, Activo: 'sí' }),
      person(5, { Edad: 20 }),
    ])
    expect(body).not.toHaveProperty('offset')
  })

  it.each(['Activos', 'viwActive00000001'])('lists the view %s only, in view order', async (view) => {
    expect(await names(`view=${view}`)).toEqual(['Óscar', 'Zoe', 'Ángel', undefined])
  })

  it('lets sort override the order of the view, by several fields', async () => {
    expect(await names('view=Activos&sort[0][field]=Nombre')).toEqual([undefined, 'Ángel', 'Óscar', 'Zoe'])
    const query = 'sort[0][field]=Activo&sort[0][direction]=desc&sort[1][field]=Edad&sort[1][direction]=desc'
    expect(await names(query)).toEqual(['Óscar', 'Zoe', 'Ángel', 'begoña', undefined])
  })

  it('answers the requested fields only', async () => {
    const { body } = await list('fields[]=Edad&fields[]=Activo&maxRecords=1')
    expect(body).toEqual({ records: [person(1, { Edad: 30, Activo: 'sí' })] })
  })

  it('finds the table by id as well as by name', async () => {
    expect((await list('', table.id)).body).toEqual((await list('')).body)
  })

  it('takes the same parameters in the body of listRecords', async () => {
    const parameters = {
      view: 'Activos',
      fields: ['Nombre'],
      sort: [{ field: 'Nombre', direction: 'desc' }],
      pageSize: 2,
    }
    const response = await fetch(address('People/listRecords'), {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
    })
    expect(await response.json()).toEqual({
      records: [person(2, { Nombre: 'Zoe' }), person(4, { Nombre: 'Óscar' })],
      offset: expect.stringMatching(/^itr\w{14}\/rec00000000000001$/),
    })
  })
})

describe('paging', () => {
  async function pages(query: string): Promise<unknown[][]> {
    const found: unknown[][] = []
    let offset: string | undefined
    do {
      const { body } = await list(
        `${query}${offset === undefined ? '' : `&offset=${encodeURIComponent(offset)}`}`,
      )
      const page = body as { records: RecordData[]; offset?: string }
      found.push(page.records.map(({ id }) => Number(id.slice(3))))
      offset = page.offset
    } while (offset !== undefined)
    return found
  }

  it('walks a view page by page and ends without an offset', async () => {
    expect(await pages('view=Activos&pageSize=3')).toEqual([[4, 2, 1], [5]])
    expect(await pages('pageSize=5')).toEqual([[1, 2, 3, 4, 5]])
  })

  it('stops at maxRecords across pages', async () => {
    expect(await pages('pageSize=2&maxRecords=3')).toEqual([[1, 2], [3]])
  })

  it('keeps the list it began with although the view changes under it', async () => {
    const { body } = await list('view=Activos&pageSize=2')
    const { offset } = body as { offset: string }
    await fetch(address('People/rec00000000000005'), {
      method: 'PATCH',
      headers,
      body: JSON.stringify({ fields: { Edad: 99, Nombre: 'Eva' } }),
    })
    const second = await list(`view=Activos&pageSize=2&offset=${encodeURIComponent(offset)}`)
    expect(second.body).toEqual({
      records: [
        person(1, { Nombre: 'Ángel', Edad: 30, Activo: 'sí' }),
        person(5, { Nombre: 'Eva', Edad: 99 }),
      ],
    })
    expect(await names('view=Activos')).toEqual(['Eva', 'Óscar', 'Zoe', 'Ángel'])
  })

  it('answers the same page again when its offset is used again', async () => {
    const { body } = await list('pageSize=2')
    const again = `pageSize=2&offset=${encodeURIComponent((body as { offset: string }).offset)}`
    expect((await list(again)).body).toEqual((await list(again)).body)
  })

  it('tells an offset it never gave from one that is none', async () => {
    expect(await errorType('offset=itrAAAAAAAAAAAAAA/rec00000000000001')).toBe(
      'LIST_RECORDS_ITERATOR_NOT_AVAILABLE',
    )
    expect(await errorType('offset=2')).toBe('INVALID_OFFSET_VALUE')
  })
})

describe('refused parameters', () => {
  it.each([
    ['view=Nadie', { type: 'VIEW_NAME_NOT_FOUND', message: 'View Nadie not found' }],
    ['view=viwNadie000000001', { type: 'VIEW_ID_NOT_FOUND', message: 'View viwNadie000000001 not found' }],
    [
      'fields[]=Nombre&fields[]=Altura',
      { type: 'UNKNOWN_FIELD_NAME', message: 'Unknown field name: "Altura"' },
    ],
    ['sort[0][field]=Altura', { type: 'UNKNOWN_FIELD_NAME', message: 'Unknown field name: "Altura"' }],
  ])('answers 422 in the vendor’s words to %s', async (query, error) => {
    expect(await list(query)).toEqual({ status: 422, body: { error } })
  })

  it.each([
    'pageSize=101',
    'pageSize=0',
    'pageSize=many',
    'maxRecords=-1',
    'sort[0][field]=Edad&sort[0][direction]=up',
  ])('answers 422 to %s', async (query) => {
    expect(await errorType(query)).toBe('INVALID_REQUEST_UNKNOWN')
  })

  it('refuses what it cannot do instead of answering an unfiltered list', async () => {
    const { body } = await list('filterByFormula=TRUE()')
    expect(body).toHaveProperty('error.message', expect.stringContaining('does not support filterByFormula'))
  })
})

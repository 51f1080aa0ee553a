import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { fivePeople, listPeople, person, startFivePeople } from '@/tests/kit/airtable/fivePeople'
import { askAirtable } from '@/tests/kit/airtable/testAirtable'

let server: AirtableServer

beforeEach(async () => {
  server = await startFivePeople()
})
afterEach(() => server.close())

const list = (query: string, table?: string) => listPeople(server, query, table)
const names = async (query: string) => (await list(query)).records.map(({ fields }) => fields.Nombre)

describe('listing records', () => {
  it('answers the vendor’s record shape and leaves empty values out', async () => {
    const { answer, records } = await list('')
    expect(records).toEqual([
      person(1, { Nombre: 'Ángel', Edad: 30, Activo: 'sí' }),
      person(2, { Nombre: 'Zoe', Edad: 50, Activo: 'sí' }),
      person(3, { Nombre: 'begoña', Edad: 40, Activo: 'no' }),
      person(4, { Nombre: 'Óscar', Edad: 60, Activo: 'sí' }),
      person(5, { Edad: 20 }),
    ])
    expect(answer).toEqual({ status: 200, body: { records } })
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
    const { records } = await list('fields[]=Edad&fields[]=Activo&maxRecords=1')
    expect(records).toEqual([person(1, { Edad: 30, Activo: 'sí' })])
  })

  it('finds the table by id as well as by name', async () => {
    expect((await list('', fivePeople.id)).records).toEqual((await list('')).records)
  })

  it('takes the same parameters in the body of listRecords', async () => {
    const parameters = {
      view: 'Activos',
      fields: ['Nombre'],
      sort: [{ field: 'Nombre', direction: 'desc' }],
      pageSize: 2,
    }
    const { body } = await askAirtable(server, 'People/listRecords', { method: 'POST', body: parameters })
    expect(body).toEqual({
      records: [person(2, { Nombre: 'Zoe' }), person(4, { Nombre: 'Óscar' })],
      offset: expect.stringMatching(/^itr\w{14}\/rec00000000000001$/),
    })
  })
})

describe('the query of a listRecords request', () => {
  it('the query of listRecords counts like the body, and is checked like it', async () => {
    const body = { maxRecords: 1, fields: ['Edad'], method: 'post' }
    const post = (query: string) =>
      askAirtable(server, `People/listRecords?${query}`, { method: 'POST', body })
    expect(await post('timeZone=Europe%2FMadrid&userLocale=es')).toEqual({
      status: 200,
      body: { records: [person(1, { Edad: 30 })] },
    })
    expect((await post('performUpsert=1')).status).toBe(422)
  })
})

describe('records picked by a formula', () => {
  const [first, second, third] = ['rec00000000000001', 'rec00000000000002', 'rec00000000000003']
  const byFormula = (formula: string, more = '') =>
    names(`filterByFormula=${encodeURIComponent(formula)}&${more}`)

  it.each([
    [`RECORD_ID()='${second}'`, ['Zoe']],
    [` RECORD_ID ( ) = "${second}" `, ['Zoe']],
    [`OR(RECORD_ID()='${third}')`, ['begoña']],
    [
      `OR( RECORD_ID() = "${third}",\n RECORD_ID()='${first}', RECORD_ID()='recNobody00000001' )`,
      ['Ángel', 'begoña'],
    ],
    [`RECORD_ID()='recNobody00000001'`, []],
  ])('a formula picks the records that it names: %s', async (formula, found) => {
    expect(await byFormula(formula)).toEqual(found)
  })

  it('records picked by a formula must be in the view, and come in its order', async () => {
    const formula = `OR(RECORD_ID()='${first}',RECORD_ID()='${second}',RECORD_ID()='${third}')`
    expect(await byFormula(formula, 'view=Activos')).toEqual(['Zoe', 'Ángel'])
    expect(await byFormula(formula, 'view=Activos&sort[0][field]=Nombre&maxRecords=1')).toEqual(['Ángel'])
  })

  it.each([
    'TRUE()',
    "{Nombre}='Zoe'",
    `RECORD_ID()='${first}`,
    `RECORD_ID()='${first}"`,
    `RECORD_ID()!='${first}'`,
    `NOT(RECORD_ID()='${first}')`,
    `OR(RECORD_ID()='${first}', 1<0)`,
    `OR(RECORD_ID()='${first}',)`,
    `OR(RECORD_ID()='${first}'`,
    'OR()',
  ])('refuses the formula %s', async (formula) => {
    const { answer } = await list(`filterByFormula=${encodeURIComponent(formula)}`)
    expect(answer).toEqual({
      status: 422,
      body: {
        error: {
          type: 'INVALID_FILTER_BY_FORMULA',
          message: expect.stringContaining("this local server supports only RECORD_ID()='rec…'"),
        },
      },
    })
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
    expect((await list(query)).answer).toEqual({ status: 422, body: { error } })
  })

  it.each([
    'pageSize=101',
    'pageSize=0',
    'pageSize=many',
    'maxRecords=-1',
    'sort[0][field]=Edad&sort[0][direction]=up',
  ])('answers 422 to %s', async (query) => {
    expect((await list(query)).answer).toMatchObject({
      status: 422,
      body: { error: { type: 'INVALID_REQUEST_UNKNOWN' } },
    })
  })

  it('refuses what it cannot do instead of ignoring it', async () => {
    const { answer } = await list('recordMetadata[]=size&attachmentPreview=1&cellFormat=string')
    expect(answer).toHaveProperty('body.error.type', 'INVALID_REQUEST_UNKNOWN')
    const message = expect.stringMatching(/Unrecognized key: "attachmentPreview"/)
    expect(answer).toHaveProperty('body.error.message', message)
  })
})

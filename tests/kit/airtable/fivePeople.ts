import { type AirtableServer, type AirtableServerOptions, startAirtableServer } from '@/local/airtable/server'
import type { RecordData, TableData } from '@/local/airtable/tables/table'
import { type AnsweredRecord, askAirtable } from './testAirtable'

export const person = (id: number, fields: Record<string, unknown>): RecordData => ({
  id: `rec${String(id).padStart(14, '0')}`,
  createdTime: '2025-01-01T00:00:00.000Z',
  fields,
})

/** A table of five people, few enough to be written out. */
export const fivePeople: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  fields: {
    Nombre: 'singleLineText',
    Edad: 'number',
    Activo: 'singleSelect',
    Notas: 'multipleSelects',
  },
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

/** A server of the five and of a copy of the table; every request moves its clock a second on. */
export function startFivePeople(
  clock = { now: 0 },
  overrides: Partial<AirtableServerOptions> = {},
): Promise<AirtableServer> {
  return startAirtableServer({
    apiKey: 'patTest',
    baseId: 'appTest0000000001',
    tables: [fivePeople, { ...fivePeople, id: 'tblCopy0000000001', name: 'Copia' }],
    clock: () => (clock.now += 1_000),
    ...overrides,
  })
}

/** What a list is answered with, and from it the records and the offset, ready for the next request. */
export async function listPeople(server: AirtableServer, query: string, table = 'People') {
  const { status, body } = await askAirtable(server, `${table}?${query}`)
  const { records = [], offset = '' } = body as { records?: AnsweredRecord[]; offset?: string }
  return { answer: { status, body }, records, offset: encodeURIComponent(offset) }
}

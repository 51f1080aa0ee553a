import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTable, find, listView, render, type Table } from '@/local/airtable/tables/table'
import { loadPeople, samplePeople } from '@/local/data/loadPeople'
import { AGENTS_VIEW, generatePeople } from '@/local/data/people'

const getErrorMessage = (act: () => unknown): string => {
  try {
    act()
    return ''
  } catch (error) {
    return String(error)
  }
}
const listRecords = (table: Table, view: string) => listView(table, find(table.views, view))

describe('the generated people', () => {
  const data = generatePeople()
  const table = createTable(data)
  const agents = listRecords(table, AGENTS_VIEW.name)
  const names = agents.map(({ fields }) => fields.Nombre)

  it('the generated people are always the same', () => {
    expect(JSON.stringify(generatePeople())).toBe(JSON.stringify(data))
    expect(data.records[0]).toMatchInlineSnapshot(`
      {
        "createdTime": "2018-08-06T08:00:00.000Z",
        "fields": {
          "Alta": "2018-08-06",
          "Cargo": "Agente",
          "Estado": "SE",
          "Nacimiento": "1968-04-11",
          "Nombre": "Lucía Cañizares Iturralde",
          "Oficina": "Paseo del Río, 118",
          "Partido": "Azul",
          "Telefono": "+34 600 472038",
          "Web": "https://agentes.example/lucia-canizares-iturralde",
        },
        "id": "rec7SBgS7f1x33JhR",
      }
    `)
  })

  it('the generated people have ids and fields like real records', () => {
    expect(new Set(data.records.map(({ id }) => id)).size).toBe(264)
    for (const { id, createdTime } of data.records) {
      expect(id).toMatch(/^rec[A-Za-z0-9]{14}$/)
      expect(new Date(createdTime).toISOString()).toBe(createdTime)
    }
    expect(table.fields.map(({ name }) => name)).toEqual([
      'Nombre',
      'Cargo',
      'Estado',
      'Partido',
      'Nacimiento',
      'Telefono',
      'Web',
      'Oficina',
      'Alta',
    ])
  })

  it('lists 240 agents in table order, and the others only in the view of everyone', () => {
    expect(agents).toHaveLength(240)
    expect(agents.map(({ id }) => id)).toEqual(
      data.records.filter(({ fields }) => fields.Cargo !== 'Administración').map(({ id }) => id),
    )
    expect(listRecords(table, 'Todos')).toHaveLength(264)
  })

  it('some names are unusable: missing, empty, blank, and N/A with or without spaces', () => {
    const usable = (name: unknown): boolean => {
      const trimmed = typeof name === 'string' ? name.trim() : ''
      return trimmed !== '' && trimmed !== 'N/A'
    }
    expect(names.filter((name) => !usable(name))).toEqual(['N/A', '   ', undefined, ' N/A ', '', undefined])
  })

  it('some names have accents, ñ, or spaces around them', () => {
    expect(names.some((name) => /[áéíóú]/.test(String(name)))).toBe(true)
    expect(names.some((name) => /ñ/.test(String(name)))).toBe(true)
    expect(names.filter((name) => /^ \S.*\S {2}$/.test(String(name))).length).toBeGreaterThan(3)
  })
})

it('a table without fields of its own has those its records use, as texts', () => {
  const { fields, ...data } = generatePeople()
  const columns = ({ fields }: Table) => fields.map(({ id, name }) => [id, name])
  expect(columns(createTable(data))).toEqual(columns(createTable({ ...data, fields: { ...fields } })))
  expect(new Set(createTable(data).fields.map(({ type }) => type))).toEqual(new Set(['singleLineText']))
})

describe('people from a file', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'people-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  function write(content: unknown): string {
    const file = join(directory, 'people.json')
    const isText = typeof content === 'string' || Buffer.isBuffer(content)
    writeFileSync(file, isText ? content : JSON.stringify(content))
    return file
  }

  const record = (id: string, name: string) => ({
    id,
    createdTime: '2025-01-03T00:00:00.000Z',
    fields: { Nombre: name },
  })
  const valid = {
    table: { id: 'tblPeople00000001', name: 'People' },
    view: 'Agentes de venta',
    records: [record('rec00000000000002', 'Zoe'), record('rec00000000000001', 'Ana')],
  }

  it('people from a file become a table whose view keeps the order of the file', () => {
    const table = createTable(loadPeople(write(valid)))
    expect(table.name).toBe('People')
    expect(listRecords(table, 'Agentes de venta').map(({ fields }) => fields.Nombre)).toEqual(['Zoe', 'Ana'])
  })

  it('people from a file have the fields of the file, with types by their values', () => {
    const { id, createdTime, fields } = record('rec00000000000003', 'Eva')
    const more = { id, createdTime, fields: { ...fields, Edad: 40, Activo: true, Temas: ['a'] } }
    const table = loadPeople(write({ ...valid, records: [...valid.records, more] }))
    expect(table.fields).toEqual({
      Nombre: 'singleLineText',
      Edad: 'number',
      Activo: 'checkbox',
      Temas: 'multipleSelects',
    })
  })

  it('the file in LOCAL_AIRTABLE_DATA replaces the invented people', () => {
    const file = write(valid)
    expect(samplePeople({ LOCAL_AIRTABLE_DATA: file }).what).toBe(`2 records of ${file}`)
    expect(samplePeople({ LOCAL_AIRTABLE_DATA: ' ' }).what).toBe('264 invented people')
  })

  it.each([
    ['is not JSON', '{"table":', /is not JSON/],
    ['has no records', { ...valid, records: undefined }, /records: Invalid input: expected array/],
    [
      'has a record without a proper id',
      { ...valid, records: [record('1', 'Ana')] },
      /records\.0\.id: expected "rec"/,
    ],
    [
      'has a record twice',
      { ...valid, records: [valid.records[0], valid.records[0]] },
      /rec00000000000002 appears twice/,
    ],
    ['is a list', [], /top level: Invalid input: expected object/],
    ['is a list of records', valid.records, /top level: Invalid input: expected object/],
    ['is an answer of Airtable', { records: valid.records, offset: 'itr1/rec1' }, /table: Invalid input/],
    ['is one of its records', valid.records[0], /table: Invalid input/],
    [
      'has cells in a list',
      { ...valid, records: [{ ...valid.records[0], fields: ['Ana'] }] },
      /records\.0\.fields: expected an object of cells by column/,
    ],
    ['is empty', '', /is not JSON/],
    ['is UTF-16', Buffer.from(`\ufeff${JSON.stringify(valid)}`, 'utf16le'), /is not UTF-8: save it as UTF-8/],
  ])('refuses a file, naming it, when it %s', (_, content, problem) => {
    const file = write(content)
    expect(() => loadPeople(file)).toThrow(problem)
    expect(() => loadPeople(file)).toThrow(`LOCAL_AIRTABLE_DATA: ${file}: `)
  })

  it('a refusal shows an example file, and that file is accepted', () => {
    const file = write(valid.records)
    const [, wanted = ''] =
      /Expected UTF-8 text such as\n([\s\S]+)/.exec(getErrorMessage(() => loadPeople(file))) ?? []
    expect(loadPeople(write(wanted)).records).toHaveLength(1)
  })

  it('reads a file that begins with a byte order mark', () => {
    expect(loadPeople(write(`\ufeff${JSON.stringify(valid)}`)).records).toHaveLength(2)
  })

  it('keeps a column called like a member of every object', () => {
    const { id, createdTime } = record('rec00000000000003', 'Eva')
    const fields = JSON.parse('{ "__proto__": "a", "constructor": "b" }')
    const table = createTable(
      loadPeople(write({ ...valid, records: [{ id, createdTime, fields }, ...valid.records] })),
    )
    expect(table.fields.map(({ name }) => name)).toEqual(['__proto__', 'constructor', 'Nombre'])
    const [odd, plain] = listRecords(table, 'Agentes de venta').map((row) =>
      render(table, row, table.fields, false),
    )
    expect(JSON.stringify(odd?.fields)).toBe('{"__proto__":"a","constructor":"b"}')
    expect(plain?.fields).toEqual({ Nombre: 'Zoe' })
  })

  it('refuses a file that does not exist, naming it', () => {
    const file = join(directory, 'nowhere.json')
    expect(() => loadPeople(file)).toThrow(new RegExp(`${file}: cannot be read .*ENOENT`))
  })
})

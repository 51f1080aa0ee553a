import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTable, find, listView, type Table } from '@/local/airtable/table'
import { loadPeople, samplePeople } from '@/local/data/loadPeople'
import { AGENTS_VIEW, generatePeople } from '@/local/data/people'

const recordsOf = (table: Table, view: string) => listView(table, find(table.views, view))

describe('the generated people', () => {
  const data = generatePeople()
  const table = createTable(data)
  const agents = recordsOf(table, AGENTS_VIEW.name)
  const names = agents.map(({ fields }) => fields.Nombre)

  it('are the same every time', () => {
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

  it('have ids and fields like real records', () => {
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

  it('show 240 agents in table order, and the others only in the view of everyone', () => {
    expect(agents).toHaveLength(240)
    expect(agents.map(({ id }) => id)).toEqual(
      data.records.filter(({ fields }) => fields.Cargo !== 'Administración').map(({ id }) => id),
    )
    expect(recordsOf(table, 'Todos')).toHaveLength(264)
  })

  it('hold names an application has to drop: missing, empty, blank and N/A with or without spaces', () => {
    const usable = (name: unknown): boolean => {
      const trimmed = typeof name === 'string' ? name.trim() : ''
      return trimmed !== '' && trimmed !== 'N/A'
    }
    expect(names.filter((name) => !usable(name))).toEqual(['N/A', '   ', undefined, ' N/A ', '', undefined])
  })

  it('hold names with accents, with ñ, and with spaces around them', () => {
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
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
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

  it('become a table whose view keeps the order of the file', () => {
    const table = createTable(loadPeople(write(valid)))
    expect(table.name).toBe('People')
    expect(recordsOf(table, 'Agentes de venta').map(({ fields }) => fields.Nombre)).toEqual(['Zoe', 'Ana'])
  })

  it('have the fields that occur in the file, with types as their values suggest', () => {
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

  it('take the place of the invented ones when LOCAL_AIRTABLE_DATA names the file', () => {
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
  ])('are refused with the file’s name when it %s', (_, content, problem) => {
    const file = write(content)
    expect(() => loadPeople(file)).toThrow(problem)
    expect(() => loadPeople(file)).toThrow(`LOCAL_AIRTABLE_DATA: ${file}: `)
  })

  it('are refused with the file’s name when there is no such file', () => {
    const file = join(directory, 'nowhere.json')
    expect(() => loadPeople(file)).toThrow(new RegExp(`${file}: cannot be read .*ENOENT`))
  })
})

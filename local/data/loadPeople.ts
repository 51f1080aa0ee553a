import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import type { RecordData, TableData } from '../airtable/tables/table'
import { type Environment, read } from '../env'
import { AGENTS_VIEW, generatePeople, PEOPLE_BASE } from './people'

// Not z.record, which leaves out a column called __proto__.
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

const schema = z.object({
  table: z.object({
    id: z.string().regex(/^tbl[A-Za-z0-9]{14}$/, 'expected "tbl" and 14 letters or digits'),
    name: z.string().min(1),
  }),
  view: z.string().min(1),
  records: z.array(
    z.object({
      id: z.string().regex(/^rec[A-Za-z0-9]{14}$/, 'expected "rec" and 14 letters or digits'),
      createdTime: z.iso.datetime(),
      fields: z.custom<Record<string, unknown>>(isObject, { error: 'expected an object of cells by column' }),
    }),
  ),
})

const WANTED = `{
  "table": { "id": "tblPeople00000001", "name": "People" },
  "view": "Agentes de venta",
  "records": [
    { "id": "rec00000000000001", "createdTime": "2026-01-31T08:00:00.000Z", "fields": { "Nombre": "Ana" } }
  ]
}`

function fail(file: string, problem: string): never {
  throw new Error(`LOCAL_AIRTABLE_DATA: ${file}: ${problem}`)
}

const failShape = (file: string, problem: string): never =>
  fail(file, `${problem}\nExpected UTF-8 text such as\n${WANTED}`)

function readJson(file: string): unknown {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    return fail(file, `cannot be read (${error instanceof Error ? error.message : String(error)})`)
  }
  try {
    // The decoder skips a byte order mark, and throws for text that is not UTF-8.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const isJson = error instanceof SyntaxError
    return failShape(file, isJson ? `is not JSON (${error.message})` : 'is not UTF-8: save it as UTF-8')
  }
}

function describe(issue: z.core.$ZodIssue | undefined): string {
  return issue === undefined
    ? 'has the wrong shape'
    : `${issue.path.join('.') || 'top level'}: ${issue.message}`
}

function inferType(value: unknown): string {
  if (Array.isArray(value)) return 'multipleSelects'
  if (typeof value === 'number') return 'number'
  return typeof value === 'boolean' ? 'checkbox' : 'singleLineText'
}

function inferFieldTypes(records: readonly RecordData[]): Record<string, string> {
  const types = new Map<string, string>()
  for (const [name, value] of records.flatMap(({ fields }) => Object.entries(fields)))
    if (!types.has(name)) types.set(name, inferType(value))
  return Object.fromEntries(types)
}

/**
 * Reads a table from a JSON file `{ table: { id, name }, view, records: [{ id, createdTime, fields }] }`. Its one view
 * shows all records in the order of the file. Throws an error that names the file and its first problem.
 */
export function loadPeople(file: string): TableData {
  const parsed = schema.safeParse(readJson(file))
  if (!parsed.success) return failShape(file, describe(parsed.error.issues[0]))
  const { table, view, records } = parsed.data
  const ids = new Set<string>()
  for (const { id } of records) {
    if (ids.has(id)) return fail(file, `record id ${id} appears twice`)
    ids.add(id)
  }
  return { ...table, fields: inferFieldTypes(records), views: [{ id: AGENTS_VIEW.id, name: view }], records }
}

export function samplePeople(env: Environment) {
  const file = read(env, 'LOCAL_AIRTABLE_DATA')
  const table = file === undefined ? generatePeople() : loadPeople(resolve(file))
  const what = file === undefined ? 'invented people' : `records of ${file}`
  return { base: { ...PEOPLE_BASE, tables: [table] }, table, what: `${table.records.length} ${what}` }
}

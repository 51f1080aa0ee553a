import { createHash, randomBytes } from 'node:crypto'
import { fail } from '../errors'

type Named = { readonly id: string; readonly name: string }

export type Fields = Readonly<Record<string, unknown>>

export type RecordData = { readonly id: string; readonly createdTime: string; readonly fields: Fields }

export interface ViewData extends Named {
  readonly includes?: (fields: Fields) => boolean
  readonly compare?: (a: Fields, b: Fields) => number
}

/** `fields`: types by name, the primary field first. */
export interface TableData extends Named {
  readonly fields?: Readonly<Record<string, string>>
  readonly views: readonly ViewData[]
  readonly records: readonly RecordData[]
}

/** Only `records` changes: by id and in table order. */
export type Table = ReturnType<typeof createTable>
export type Field = Table['fields'][number]

type Present = (type: string, value: unknown) => unknown

export const newId = (prefix: 'rec' | 'itr' | 'ach' | 'att'): string =>
  prefix + randomBytes(7).toString('hex')

// Derived from the name, so that a field keeps its id after a restart.
const fieldId = (tableId: string, name: string): string =>
  `fld${createHash('sha256').update(`${tableId}/${name}`).digest('hex').slice(0, 14)}`

export function createTable(
  { id, name, fields, views, records }: TableData,
  present: Present = (_type, value) => value,
) {
  const used = records.flatMap((record) => Object.keys(record.fields))
  const types = fields ?? Object.fromEntries(used.map((key) => [key, 'singleLineText']))
  const columns = Object.entries(types).map(([field, type]) => ({
    id: fieldId(id, field),
    name: field,
    type,
  }))
  const byId = new Map(records.map((record) => [record.id, record]))
  return { id, name, views, fields: columns, present, records: byId }
}

export const find = <T extends Named>(items: readonly T[], wanted: string): T | undefined =>
  items.find(({ id }) => id === wanted) ?? items.find(({ name }) => name === wanted)

/** Refuses the request when there is no such field. */
export const getField = ({ fields }: Table, wanted: string): Field =>
  find(fields, wanted) ?? fail(422, 'UNKNOWN_FIELD_NAME', `Unknown field name: "${wanted}"`)

/** Refuses the request when there is no such view. */
export const getView = ({ views }: Table, wanted: string): ViewData =>
  find(views, wanted) ??
  fail(422, `VIEW_${/^viw\w{14}$/.test(wanted) ? 'ID' : 'NAME'}_NOT_FOUND`, `View ${wanted} not found`)

/** Without a view: all records in table order. */
export function listView({ records }: Table, { includes, compare }: Partial<ViewData> = {}): RecordData[] {
  const listed = [...records.values()].filter(({ fields }) => includes?.(fields) ?? true)
  return compare ? listed.sort((a, b) => compare(a.fields, b.fields)) : listed
}

export const isEmpty = (value: unknown): boolean =>
  (value ?? '') === '' || value === false || (Array.isArray(value) && value.length === 0)

/** Includes the wanted fields, by name or id, without empty ones. */
export function render(
  { present }: Table,
  { fields, ...record }: RecordData,
  wanted: readonly Field[],
  byId: boolean,
) {
  const filled = wanted.filter(({ name }) => Object.hasOwn(fields, name) && !isEmpty(fields[name]))
  const cells = filled.map(({ id, name, type }) => [byId ? id : name, present(type, fields[name])])
  return { ...record, fields: Object.fromEntries(cells) as Fields }
}

export function describeTable({ id, name, fields, views }: Table) {
  const grids = views.map((view) => ({ id: view.id, name: view.name, type: 'grid' }))
  return { id, name, primaryFieldId: fields[0]?.id, fields, views: grids }
}

import type { Fields, RecordData, TableData, ViewData } from './types'

/** One table's present state. */
export interface Table {
  readonly id: string
  readonly name: string
  readonly fields: ReadonlySet<string>
  find(recordId: string): RecordData | undefined
  findView(nameOrId: string): ViewData | undefined
  /** The records of a view in its order; of the whole table in table order when no view is given. */
  list(view?: ViewData): readonly RecordData[]
  /** Overwrites the cells named in `changes` and keeps the others; undefined when there is no such record. */
  update(recordId: string, changes: Fields): RecordData | undefined
}

function fieldNames(table: TableData): ReadonlySet<string> {
  return new Set(table.fields ?? table.records.flatMap((record) => Object.keys(record.fields)))
}

/** Keeps a table in memory; it starts as `data` says and forgets every change when the process ends. */
export function createTable(data: TableData): Table {
  const records = new Map(data.records.map((record) => [record.id, record]))
  return {
    id: data.id,
    name: data.name,
    fields: fieldNames(data),
    find: (recordId) => records.get(recordId),
    findView: (nameOrId) => data.views.find((view) => view.id === nameOrId || view.name === nameOrId),
    list(view) {
      const { includes, compare } = view ?? {}
      const listed = [...records.values()].filter((record) => includes?.(record.fields) ?? true)
      return compare ? listed.sort((a, b) => compare(a.fields, b.fields)) : listed
    },
    update(recordId, changes) {
      const record = records.get(recordId)
      if (record === undefined) return undefined
      const updated = { ...record, fields: { ...record.fields, ...changes } }
      records.set(recordId, updated)
      return updated
    },
  }
}

/** Finds a table by its id or its name. */
export function findTable(tables: readonly Table[], idOrName: string): Table | undefined {
  return tables.find((table) => table.id === idOrName) ?? tables.find((table) => table.name === idOrName)
}

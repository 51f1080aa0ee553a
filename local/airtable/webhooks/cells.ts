import { createHash } from 'node:crypto'
import { type Field, isEmpty, type RecordData, type Table } from '../tables/table'

/** By field id, in the format of payloads, which differs from that of the record API. */
export type Cells = Record<string, unknown>

// Derived from the name, so that a choice has the same id in every payload.
const choiceId = (field: Field, name: unknown): string =>
  `sel${createHash('sha256').update(`${field.id}/${name}`).digest('hex').slice(0, 14)}`

export function createCells(tables: readonly Table[]) {
  const link = (id: unknown) => {
    const table = tables.find(({ records }) => records.has(String(id)))
    const primary = table?.fields[0]?.name ?? ''
    return { id, name: table?.records.get(String(id))?.fields[primary] ?? '' }
  }
  const write = (table: Table, field: Field, value: unknown): unknown => {
    if (isEmpty(value)) return null
    const choice = (name: unknown) => ({ id: choiceId(field, name), name })
    if (field.type === 'singleSelect') return choice(value)
    if (field.type === 'multipleSelects' && Array.isArray(value)) return value.map(choice)
    if (field.type === 'multipleRecordLinks' && Array.isArray(value)) return value.map(link)
    return table.present(field.type, value)
  }
  return (table: Table, { fields }: RecordData, wanted: readonly Field[]): Cells =>
    Object.fromEntries(wanted.map((field) => [field.id, write(table, field, fields[field.name])]))
}

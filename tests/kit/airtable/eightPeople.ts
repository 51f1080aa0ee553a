/** Eight people in a view, and fields over it that follow its changes in different ways. */
import {
  type AirtableField,
  airtableList,
  airtableValue,
  type ListDeclaration,
  type TableSource,
} from '@/lib/core-services/airtable/airtableField'
import type { TableData } from '@/local/airtable/tables/table'
import { BASE } from './changesApp'
import { person } from './fivePeople'

export const TABLE: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  fields: { Name: 'singleLineText', Team: 'singleSelect' },
  views: [{ id: 'viwIn000000000001', name: 'In', includes: ({ Team }) => Team !== 'out' }],
  records: Array.from({ length: 8 }, (_, index) => person(index + 1, { Name: `Name ${index}`, Team: 'in' })),
}

interface Person {
  id: string
  name: string
}
const table: TableSource = { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.id }) }
export const declared = {
  name: 'people',
  key: 'people',
  ttl: 'forever',
  memoryTtl: 0,
  table,
  view: 'viwIn000000000001',
  columns: ['Name'],
  item: ({ id, fields }) => ({ id, name: String(fields.Name) }),
  order: (one, other) => one.name.localeCompare(other.name),
} satisfies ListDeclaration<Person>
export const people = airtableList(declared) as AirtableField<unknown>
export const inViewOrder = airtableList({ ...declared, order: 'view' }) as AirtableField<unknown>
export const count = airtableValue<number>({
  ...declared,
  value: (records) => records.filter(({ fields }) => fields.Name).length,
}) as AirtableField<unknown>
export const byName: TableSource = { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.name }) }

/** The table of a world, and the fields that read it. */
import { z } from 'zod'
import {
  type AirtableField,
  airtableList,
  airtableValue,
  type Listed,
  type TableSource,
} from '@/lib/core-services/airtable/airtableField'
import { textCell } from '@/lib/core-services/airtable/records/cells'
import { changeTag } from '@/lib/core-services/airtable/records/table'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { createTable, type RecordData, type TableData } from '@/local/airtable/tables/table'
import type { FieldKind } from './script'
import { BASE } from './simAirtable'

export const NAMES = ['Ana', 'Bea', 'Bea', 'Cem', 'Dov', 'N/A']
export const TEAMS = ['in', 'out']

export const PEOPLE: Omit<TableData, 'records'> = {
  id: 'tblPeople',
  name: 'People',
  fields: { Name: 'singleLineText', Team: 'singleSelect', Note: 'singleLineText', Phone: 'phoneNumber' },
  views: [
    {
      id: 'viwIn',
      name: 'In',
      includes: ({ Team }) => Team === 'in',
      compare: (a, b) => (String(a.Name ?? '') < String(b.Name ?? '') ? -1 : 1),
    },
  ],
}
export const OFFICES: TableData = {
  id: 'tblOffices',
  name: 'Offices',
  views: [],
  records: [{ id: 'recOffice', createdTime: '', fields: { City: 'Ulm' } }],
}

const ids = Object.fromEntries(
  createTable({ ...PEOPLE, records: [] }).fields.map(({ id, name }) => [name, id]),
)
const columnId = (column: string) => ids[column] ?? ''

interface Person extends Listed {
  name: string
  note?: unknown
}
export const table: TableSource = { name: 'people', locate: () => ({ baseId: BASE, tableId: PEOPLE.id }) }
// What is made of them by others must not be made of a copy in memory, which may be older than the news.
const common = { ttl: 86_400, memoryTtl: 0, table, view: 'viwIn', advanced: { compression: false } }
const believing = { ...common, mayBeEmpty: true }
const byName = (one: Person, other: Person) => one.name.localeCompare(other.name)
const item = ({ id, fields: { Name } }: { id: string; fields: Record<string, unknown> }) =>
  typeof Name === 'string' && Name !== 'N/A' ? { id, name: Name } : null

export const FIELDS: Record<FieldKind, AirtableField<unknown>> = {
  'by name': airtableList<Person>({
    ...believing,
    name: 'by-name',
    key: 'byName',
    columns: ['Name'],
    item,
    order: byName,
  }) as AirtableField<unknown>,
  'by id': airtableList<Person>({
    ...believing,
    name: 'by-id',
    key: 'byId',
    columns: [columnId('Name'), columnId('Note')],
    item: ({ id, fields }) => ({
      id,
      name: String(fields[columnId('Name')] ?? ''),
      note: fields[columnId('Note')],
    }),
    // Seen twice it would tell.
    schema: z.array(z.looseObject({ id: z.string(), name: z.string().transform((name) => `${name}!`) })),
    order: byName,
  }) as AirtableField<unknown>,
  'in view order': airtableList<Person>({
    ...believing,
    name: 'in-view-order',
    key: 'inViewOrder',
    columns: ['Name'],
    item,
    order: 'view',
  }) as AirtableField<unknown>,
  count: airtableValue<number>({
    ...believing,
    name: 'count',
    key: 'count',
    columns: ['Name'],
    value: (records) => records.length,
  }) as AirtableField<unknown>,
  strict: airtableList<Person>({
    ...common,
    name: 'strict',
    key: 'strict',
    columns: ['Name'],
    item({ id, fields }) {
      const name = textCell(fields, 'Name')
      return name === '' || name === 'N/A' ? null : { id, name }
    },
    order: byName,
  }) as AirtableField<unknown>,
}

/** What is made of the first field, by other ways than a declaration. */
export const derivedFrom = (field: AirtableField<unknown>): FieldCacheConfig<unknown> => ({
  name: 'derived',
  key: 'derived',
  ttl: 86_400,
  tags: [changeTag(table)],
  fetcher: async () => ({ of: (await readFieldCache(field)).data }),
})

export const makePerson = (index: number, name: number, team: number): RecordData => ({
  id: `rec${String(index).padStart(3, '0')}`,
  createdTime: '2026-01-01T00:00:00.000Z',
  fields: { Name: NAMES[name % NAMES.length], Team: TEAMS[team] },
})

/**
 * Fields over a view of Airtable, declared once: the fetcher, the tag of the table, what the cron keeps warm, and how a
 * change that Airtable announces gets into the value come out of one declaration.
 */
import type { AirtableTable } from '../../config/airtableConfig'
import type { FetchContext, FieldCacheConfig } from '../cache/engine/fieldConfig'
import { serviceRegistry } from '../service-registry'
import { attachmentsEnd } from './attachments'
import type { AirtableRecord } from './page'

/** A table that fields read. */
export interface TableSource {
  /** Lower-case words joined by hyphens: its name in tags and events. */
  name: string
  /** Where it is, which only the environment tells: not asked before something is fetched. */
  locate(): AirtableTable
}

interface Reading {
  table: TableSource
  /** Id or name of the view: its filter applies. An id (viw…) outlives a rename. */
  view?: string
  /** The columns to ask for, all by name or all by id (fld…). */
  columns: readonly string[]
}

type Declared<T> = Omit<FieldCacheConfig<T>, 'fetcher'> & Reading

export interface Listed {
  id: string
}

export interface ListDeclaration<Item extends Listed> extends Declared<Item[]> {
  /** What the list has of a record, under the record's id; null leaves the record out. */
  item(record: AirtableRecord): Item | null
  /**
   * Compares two items, as for `sort`; ties are broken by id. 'view' keeps the view's order, which only reading all of it
   * tells: then each change costs a full read.
   */
  order: ((one: Item, other: Item) => number) | 'view'
}

export interface ValueDeclaration<T> extends Declared<T> {
  /** Makes the value out of all records of the view; each change costs a full read. */
  value(records: readonly AirtableRecord[]): T
}

export interface AirtableField<T> extends FieldCacheConfig<T> {
  airtable: Reading & {
    make(records: readonly AirtableRecord[]): T
    /** For a list whose order items alone tell: what it takes to bring it up to date record by record. */
    list?: { item(record: AirtableRecord): Listed | null; sort(items: Listed[]): Listed[] }
  }
}

/** A list with an item for each record of a view. */
export function airtableList<Item extends Listed>({
  item,
  order,
  ...declared
}: ListDeclaration<Item>): AirtableField<Item[]> {
  const made = (records: readonly AirtableRecord[]) =>
    records.map(item).filter((listed): listed is Item => listed !== null)
  if (order === 'view') return airtableField(declared, made)
  const sort = (items: Item[]) => items.sort((one, other) => order(one, other) || compareIds(one, other))
  const field = airtableField<Item[]>(declared, (records) => sort(made(records)))
  return {
    ...field,
    airtable: { ...field.airtable, list: { item, sort: (items) => sort(items as Item[]) } },
  }
}

/** A value made out of all records of a view. */
export function airtableValue<T>({ value, ...declared }: ValueDeclaration<T>): AirtableField<T> {
  return airtableField(declared, value)
}

function airtableField<T>(
  { table, view, columns, ...config }: Declared<T>,
  make: (records: readonly AirtableRecord[]) => T,
): AirtableField<T> {
  const airtable = { table, columns, make, ...(view === undefined ? {} : { view }) }
  return {
    ...config,
    tags: [...(config.tags ?? []), tableTag(table)],
    fetcher: (context) => readAll(airtable, context),
    airtable,
  }
}

/** The tag of all fields that read a table. */
export const tableTag = ({ name }: TableSource): string => `airtable:${name}`

export function isAirtableField<T>(field: FieldCacheConfig<T>): field is AirtableField<T> {
  return 'airtable' in field
}

/** Reads the whole view. */
export async function readAll<T>(
  { table, view, columns, make }: AirtableField<T>['airtable'],
  context: FetchContext,
): Promise<T> {
  const { baseId, tableId } = table.locate()
  const airtable = await serviceRegistry.getService('airtable')
  const records = await airtable.fetchRecords(baseId, tableId, {
    fields: columns,
    signal: context.signal,
    ...(view === undefined ? {} : { view }),
  })
  const endsAt = attachmentsEnd(records, context.startedAt)
  if (endsAt !== undefined) context.keep({ endsAt })
  return make(records)
}

function compareIds(one: Listed, other: Listed): number {
  return one.id < other.id ? -1 : Number(one.id > other.id)
}

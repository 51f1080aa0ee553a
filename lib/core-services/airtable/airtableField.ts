/**
 * Fields over a view of Airtable, declared once: the fetcher, the tag of the table, what the cron keeps warm, and how a
 * change that Airtable announces gets into the value come out of one declaration.
 */
import type { AirtableTable } from '../../config/airtableConfig'
import { deploymentName } from '../../config/appConfig'
import type { FetchContext, FieldCacheConfig } from '../cache/engine/fieldConfig'
import { asStored } from '../cache/engine/json'
import { shortHash } from '../cache/engine/shortHash'
import { attachmentsEnd } from './attachments'
import { encodeMark } from './changes/changeMark'
import { type Position, recentPosition } from './changes/positions'
import type { AirtableRecord } from './page'
import { readInParts } from './readInParts'

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

interface Coded extends Reading {
  /** The text of what makes items or the value: a mark holds for the values of one declaration only. */
  code: string
}

type Declared<T> = Omit<FieldCacheConfig<T>, 'fetcher'> & Reading

export interface Listed {
  id: string
}

export interface ListDeclaration<Item extends Listed> extends Declared<Item[]> {
  /** What the list has of a record, under the record's id; null leaves the record out. */
  item(record: AirtableRecord): Item | null
  /**
   * Compares two items, as for `sort`; ties are broken by id. It gets them as they are stored: after JSON, so that a Date
   * is a text, and before the schema. 'view' keeps the view's order, which only reading all of it tells: then each change
   * costs a full read.
   */
  order: ((one: Item, other: Item) => number) | 'view'
}

export interface ValueDeclaration<T> extends Declared<T> {
  /** Makes the value out of all records of the view; each change costs a full read. */
  value(records: readonly AirtableRecord[]): T
}

export interface AirtableField<T> extends FieldCacheConfig<T> {
  airtable: Coded & {
    /** Reads the whole view. `position`: from where changes may be missing in it, if they can be followed. */
    read(context: FetchContext, position: Position | null): Promise<T>
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
  // A delta sorts new items among stored ones, so all of them are compared in the shape of these.
  const storedItem = (record: AirtableRecord) => asStored(item(record))
  const made = (records: readonly AirtableRecord[]) =>
    records.map(storedItem).filter((listed): listed is Item => listed !== null)
  const code = `${item} ${order}`
  if (order === 'view') return airtableField(declared, made, code)
  const sort = (items: Item[]) => items.sort((one, other) => order(one, other) || compareIds(one, other))
  const field = airtableField<Item[]>(declared, (records) => sort(made(records)), code)
  return {
    ...field,
    airtable: { ...field.airtable, list: { item: storedItem, sort: (items) => sort(items as Item[]) } },
  }
}

/** A value made out of all records of a view. */
export function airtableValue<T>({ value, ...declared }: ValueDeclaration<T>): AirtableField<T> {
  return airtableField(declared, value, String(value))
}

function airtableField<T>(
  { table, view, columns, ...config }: Declared<T>,
  make: (records: readonly AirtableRecord[]) => T,
  code: string,
): AirtableField<T> {
  const reading = { table, columns, code, ...(view === undefined ? {} : { view }) }
  const read: AirtableField<T>['airtable']['read'] = async (context, position) =>
    make(await readAll(reading, context, position))
  return {
    ...(config.ttl === 'forever' ? {} : { refreshEvery: Math.ceil(config.ttl / 2) }),
    ...config,
    tags: [...(config.tags ?? []), tableTag(table)],
    fetcher: async (context) => read(context, await recentPosition(table.locate())),
    airtable: { ...reading, read },
  }
}

/** The tag of all fields that read a table. */
export const tableTag = ({ name }: TableSource): string => `airtable:${name}`

export function isAirtableField<T>(field: FieldCacheConfig<T>): field is AirtableField<T> {
  return 'airtable' in field
}

/** The tag of what was made of such fields, or of the table by other ways: invalidated after each change of the table. */
export const changeTag = ({ name }: TableSource): string => `airtable:${name}:changed`

/** Whether a table is given by its id: webhooks know no names. */
export const isTableId = (text: string): boolean => /^tbl\w+$/.test(text)

/** Tells the declaration and the code that a value was made by. */
export function shapeOf({ table, view, columns, code }: Coded): string {
  const { baseId, tableId } = table.locate()
  return shortHash(JSON.stringify([deploymentName(), baseId, tableId, view, columns, code]))
}

/** In several refreshes if need be; then `position` is that of the first one. */
async function readAll(
  reading: Coded,
  context: FetchContext,
  position: Position | null,
): Promise<readonly AirtableRecord[]> {
  const { records, startedAt, position: since } = await readInParts(reading, context, position)
  if (since) {
    const { hook, cursor, pending = {} } = since
    const common = { at: startedAt, shape: shapeOf(reading), pending }
    context.keep({ note: encodeMark({ ...common, hook, cursor, records: records.length }) })
  }
  const endsAt = attachmentsEnd(records, startedAt)
  if (endsAt !== undefined) context.keep({ endsAt })
  return records
}

function compareIds(one: Listed, other: Listed): number {
  return one.id < other.id ? -1 : Number(one.id > other.id)
}

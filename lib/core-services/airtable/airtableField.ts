/**
 * Fields over a view of Airtable, declared once: the fetcher, the tag of the table, what the cron keeps warm, and how a
 * change that Airtable announces gets into the value come out of one declaration.
 */

import { deploymentName } from '../../config/appConfig'
import { shortHash } from '../../shared/shortHash'
import { fieldInvalid } from '../cache/errors'
import type { FetchContext, FieldCacheConfig } from '../cache/fields/fieldConfig'
import { asStored } from '../cache/redis/json'
import { recentPosition } from './changelog/logPosition'
import { encodeMark } from './changelog/syncMark'
import { attachmentsEnd } from './records/attachments'
import {
  assertReadable,
  createRefusalCheck,
  type Flaws,
  type ItemMaker,
  type Listed,
  makeItems,
  makeValue,
  reportFlaws,
  withRecordId,
} from './records/items'
import type { AirtableRecord } from './records/page'
import { assertNotEmptied, encodeOrigin, previousItems } from './records/previousItems'
import { readInParts } from './records/resumableRead'
import { type LogPosition, type TableSource, tableTag } from './records/table'

export type { Listed } from './records/items'
export type { TableSource } from './records/table'

/** In s; an instance waits for it with a timer. */
const MAX_SYNC_SECONDS = 60

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

interface Declared<T> extends Omit<FieldCacheConfig<T>, 'fetcher'>, Reading {
  /**
   * Whether an empty view is believed at once. Otherwise one that had something in it before is taken for a fault of the
   * source: what stands is served until its time is over, the log and the admin page tell so, and a refresh by an admin or
   * by `getFieldCache(field, true)` confirms that it is empty.
   * @default false
   */
  mayBeEmpty?: boolean
}

export interface ListDeclaration<Item extends Listed> extends Declared<Item[]> {
  /**
   * What the list has of a record, under the record's id; null leaves the record out. A cell in which a formula has failed
   * is empty to it. A record for which it throws, or of which the schema refuses the item, stays as it was in the list, or
   * out of it, and one event names it; if that is more than half of the view, the fetch fails.
   */
  item(record: AirtableRecord): Item | null
  /**
   * Compares two items, as for `sort`; ties are broken by id. It gets them as they are stored: after JSON, so that a Date
   * is a text, and before the schema. 'view' keeps the view's order, which only reading all of it tells: then each change
   * costs a full read.
   */
  order: ((one: Item, other: Item) => number) | 'view'
}

export interface ValueDeclaration<T> extends Declared<T> {
  /**
   * Makes the value out of all records of the view; each change costs a full read. A cell in which a formula has failed is
   * empty to it. Records that make it throw even alone are left out, and one event names them.
   */
  value(records: readonly AirtableRecord[]): T
}

export interface AirtableField<T> extends FieldCacheConfig<T> {
  airtable: Coded & {
    /**
     * Reads the whole view. `position`: from where changes may be missing in it, if they can be followed. `announced`:
     * records that are known to have changed.
     */
    read(context: FetchContext, position: LogPosition | null, announced?: ReadonlySet<string>): Promise<T>
    /** For a list whose order items alone tell: what it takes to bring it up to date record by record. */
    list?: ItemMaker & { sort(items: Listed[]): Listed[] }
  }
}

/** A list with an item for each record of a view. */
export function airtableList<Item extends Listed>({
  item,
  order,
  ...declared
}: ListDeclaration<Item>): AirtableField<Item[]> {
  const { name, schema } = declared
  const maker: ItemMaker = {
    // A delta sorts new items among stored ones, so all of them are compared in the shape of these.
    item: withRecordId(name, (record) => asStored(item(record))),
    ...(schema && { refused: createRefusalCheck(schema) }),
  }
  const sort = (items: Listed[]) =>
    order === 'view'
      ? items
      : (items as Item[]).sort((one, other) => order(one, other) || compareIds(one, other))
  const make: Make<Item[]> = async (records, context, shape) => {
    const { items, flaws } = await makeItems(records, maker)
    assertReadable(name, flaws, records.length)
    const before = flaws.unreadable.length > 0 ? await previousItems(context, shape, maker) : null
    const made = records.flatMap(({ id }) => (items.has(id) ? items.get(id) : before?.get(id)) ?? [])
    return { value: sort(made) as Item[], flaws, isEmpty: made.length === 0 }
  }
  const field = airtableField(declared, make, `${item} ${order}`)
  return order === 'view' ? field : { ...field, airtable: { ...field.airtable, list: { ...maker, sort } } }
}

/** A value made out of all records of a view. */
export function airtableValue<T>({ value, ...declared }: ValueDeclaration<T>): AirtableField<T> {
  const make: Make<T> = async (records) => ({
    ...makeValue(declared.name, records, value),
    isEmpty: records.length === 0,
  })
  return airtableField(declared, make, String(value))
}

/** `isEmpty`: nothing was found in the view. */
type Make<T> = (
  records: readonly AirtableRecord[],
  context: FetchContext,
  shape: string,
) => Promise<{ value: T; flaws: Flaws; isEmpty: boolean }>

function airtableField<T>(
  { table, view, columns, mayBeEmpty, ...config }: Declared<T>,
  make: Make<T>,
  code: string,
): AirtableField<T> {
  const { syncEvery = 0 } = table
  if (!(Number.isSafeInteger(syncEvery) && syncEvery >= 0 && syncEvery <= MAX_SYNC_SECONDS)) {
    const range = `a whole number of seconds from 0 to ${MAX_SYNC_SECONDS}`
    throw fieldInvalid(config.name, `syncEvery of its table "${table.name}" is ${syncEvery}, not ${range}`)
  }
  const reading = { table, columns, code, ...(view === undefined ? {} : { view }) }
  const read: AirtableField<T>['airtable']['read'] = async (context, position, announced = new Set()) => {
    const records = await readAll(reading, context, position)
    const { value, flaws, isEmpty } = await make(records, context, buildShape(reading))
    if (isEmpty) await assertNotEmptied({ name: config.name, mayBeEmpty }, context, announced)
    reportFlaws(config.name, flaws)
    return value
  }
  return {
    ...(config.ttl === 'forever' ? {} : { refreshEvery: Math.ceil(config.ttl / 2) }),
    ...config,
    tags: [...(config.tags ?? []), tableTag(table)],
    fetcher: async (context) => read(context, await recentPosition(table.locate())),
    airtable: { ...reading, read },
  }
}

export function isAirtableField<T>(field: FieldCacheConfig<T>): field is AirtableField<T> {
  return 'airtable' in field
}

/** Tells the declaration and the code that a value was made by. */
export function buildShape({ table, view, columns, code }: Coded): string {
  const { baseId, tableId } = table.locate()
  return shortHash(JSON.stringify([deploymentName(), baseId, tableId, view, columns, code]))
}

/** In several refreshes if need be; then `position` is that of the first one. */
async function readAll(
  reading: Coded,
  context: FetchContext,
  position: LogPosition | null,
): Promise<readonly AirtableRecord[]> {
  const { records, startedAt, position: since } = await readInParts(reading, context, position)
  const made = { shape: buildShape(reading), records: records.length }
  if (since) {
    const { hook, cursor, pending = {} } = since
    const followed = context.reason === 'change'
    context.keep({ note: encodeMark({ ...made, at: startedAt, pending, followed, hook, cursor }) })
  } else context.keep({ note: encodeOrigin(made) })
  const endsAt = attachmentsEnd(records, startedAt)
  if (endsAt !== undefined) context.keep({ endsAt })
  return records
}

function compareIds(one: Listed, other: Listed): number {
  return one.id < other.id ? -1 : Number(one.id > other.id)
}

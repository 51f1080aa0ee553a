/**
 * Declares fields over a view of Airtable, with the tag of the table, the refresh by the cron and the sync of changes.
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

/** The largest `syncEvery`, in s, because an instance waits for it with a timer. */
const MAX_SYNC_SECONDS = 60

interface ViewQuery {
  table: TableSource
  /**
   * Id or name of the view, whose filter applies. An id (viw…) survives a rename.
   * @default the whole table
   */
  view?: string
  /** The columns, all by name or all by id (fld…), which survives a rename. */
  columns: readonly string[]
}

interface ShapedQuery extends ViewQuery {
  /** The source text of the functions that make the value. Other code makes a mark invalid. */
  code: string
}

interface Declared<T> extends Omit<FieldCacheConfig<T>, 'fetcher'>, ViewQuery {
  /**
   * Whether an empty view is accepted at once. By default a view that had records before counts as failed: the stored
   * value is served until its windows end, and log and admin page report it. A refresh by an admin or by
   * `getFieldCache(field, true)` confirms that it is empty.
   * @default false
   */
  mayBeEmpty?: boolean
}

export interface ListDeclaration<Item extends Listed> extends Declared<Item[]> {
  /**
   * Turns a record into an item with the record's id; null leaves the record out. A cell with a failed formula is empty.
   * If it throws or the schema refuses the item, the list keeps the previous item and one event names the record. If that
   * happens for more than half of the view, the fetch fails.
   */
  item(record: AirtableRecord): Item | null
  /**
   * Compares two items as stored: after JSON, so a Date is a text, and before the schema. Ties are broken by id. 'view'
   * keeps the order of the view, which only a full read shows, so each change costs a full read.
   */
  order: ((one: Item, other: Item) => number) | 'view'
}

export interface ValueDeclaration<T> extends Declared<T> {
  /**
   * Makes the value from all records of the view, so each change costs a full read. A cell with a failed formula is empty.
   * Records for which it throws even alone are left out, and one event names them.
   */
  value(records: readonly AirtableRecord[]): T
}

export interface AirtableField<T> extends FieldCacheConfig<T> {
  airtable: ShapedQuery & {
    /**
     * Reads the whole view. `position`: where in the log changes may be missing; null without a log. `announced`: the
     * records that the log says have changed.
     */
    read(context: FetchContext, position: LogPosition | null, announced?: ReadonlySet<string>): Promise<T>
    /** Present for a list that can be updated record by record: its order depends on its items alone. */
    list?: ItemMaker & { sort(items: Listed[]): Listed[] }
  }
}

export function airtableList<Item extends Listed>({
  item,
  order,
  ...declared
}: ListDeclaration<Item>): AirtableField<Item[]> {
  const { name, schema } = declared
  const maker: ItemMaker = {
    // A delta sorts new items among stored ones, so all are compared in their stored form.
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

export function airtableValue<T>({ value, ...declared }: ValueDeclaration<T>): AirtableField<T> {
  const make: Make<T> = async (records) => ({
    ...makeValue(declared.name, records, value),
    isEmpty: records.length === 0,
  })
  return airtableField(declared, make, String(value))
}

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
  const query = { table, columns, code, ...(view === undefined ? {} : { view }) }
  const read: AirtableField<T>['airtable']['read'] = async (context, position, announced = new Set()) => {
    const records = await readAll(query, context, position)
    const { value, flaws, isEmpty } = await make(records, context, buildShape(query))
    if (isEmpty) await assertNotEmptied({ name: config.name, mayBeEmpty }, context, announced)
    reportFlaws(config.name, flaws)
    return value
  }
  return {
    ...(config.ttl === 'forever' ? {} : { refreshEvery: Math.ceil(config.ttl / 2) }),
    ...config,
    tags: [...(config.tags ?? []), tableTag(table)],
    fetcher: async (context) => read(context, await recentPosition(table.locate())),
    airtable: { ...query, read },
  }
}

export function isAirtableField<T>(field: FieldCacheConfig<T>): field is AirtableField<T> {
  return 'airtable' in field
}

/** Identifies the declaration and the code that made a value. */
export function buildShape({ table, view, columns, code }: ShapedQuery): string {
  const { baseId, tableId } = table.locate()
  return shortHash(JSON.stringify([deploymentName(), baseId, tableId, view, columns, code]))
}

/** A large view takes several refreshes. The mark then holds the position of the first one. */
async function readAll(
  query: ShapedQuery,
  context: FetchContext,
  position: LogPosition | null,
): Promise<readonly AirtableRecord[]> {
  const { records, startedAt, position: since } = await readInParts(query, context, position)
  const made = { shape: buildShape(query), records: records.length }
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

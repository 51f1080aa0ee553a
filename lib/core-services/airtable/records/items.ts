/**
 * Makes of records what a field holds, one by one, so that a record that cannot be read costs none of the others. When most
 * of them cannot be read, a column has changed: then nothing is made, and what was there before stays.
 */

import { hasCode, isCodedError } from '../../../shared/errors'
import { processPorts } from '../../../shared/ports'
import type { StandardSchema } from '../../cache/entry/schema'
import { airtableItemForeign, airtableUnreadable } from '../client/airtableErrors'
import { withoutErrors } from './cells'
import type { AirtableRecord } from './page'

export interface Listed {
  id: string
}

/** What could not be taken as it is. */
export interface Flaws {
  /** How many records were read. */
  records: number
  /** Ids of those that could not be read, and why the first one could not. */
  unreadable: string[]
  why: string | null
  /** Ids of those with cells that hold an error, and how many cells do. */
  erroneous: string[]
  errors: number
}

/** How a list makes its items. */
export interface ItemMaker<Item extends Listed = Listed> {
  item(record: AirtableRecord): Item | null
  /** Which of these items the schema of the field refuses, by their place; what concerns all of them is not told. */
  refused?(items: readonly Item[]): Promise<ReadonlySet<number>>
}

/** What was made of each record; those that could not be read are not in it. */
export interface Made<Item extends Listed> {
  items: Map<string, Item | null>
  flaws: Flaws
}

export async function makeItems<Item extends Listed>(
  records: readonly AirtableRecord[],
  { item, refused }: ItemMaker<Item>,
): Promise<Made<Item>> {
  const { cleaned, flaws } = clean(records)
  const items = new Map<string, Item | null>()
  for (const record of cleaned) {
    try {
      items.set(record.id, item(record))
    } catch (error) {
      if (isForAll(error)) throw error
      flaws.why ??= toReason(error)
      flaws.unreadable.push(record.id)
    }
  }
  const made = [...items.values()].filter((one): one is Item => one !== null)
  for (const place of (await refused?.(made)) ?? []) {
    const id = made[place]?.id ?? ''
    if (!items.delete(id)) continue
    flaws.why ??= 'the schema refuses its item'
    flaws.unreadable.push(id)
  }
  return { items, flaws }
}

/** Items one by one, where a schema of a list tells by paths which of them it refuses. */
export function createRefusalCheck<Item>(schema: StandardSchema<Item[]>): NonNullable<ItemMaker['refused']> {
  return async (items) => {
    try {
      const { issues = [] } = await schema['~standard'].validate(structuredClone(items))
      const places = issues.map(({ path: [first] = [] }) => (typeof first === 'object' ? first.key : first))
      return new Set(places.filter((place) => typeof place === 'number'))
    } catch {
      // Whether it refuses all of them is found out when the whole value is checked.
      return new Set()
    }
  }
}

/** A list is brought up to date by the ids of records, so its items have these. Throws SOURCE_INVALID for others. */
export function withRecordId<Item extends Listed>(
  field: string,
  item: (record: AirtableRecord) => Item | null,
): (record: AirtableRecord) => Item | null {
  return (record) => {
    const made = item(record)
    if (made !== null && made?.id !== record.id) throw airtableItemForeign(field, record.id)
    return made
  }
}

/**
 * Makes a value of all records. When that fails, it is tried with each record alone: those with which it fails are left
 * out. Throws SOURCE_INVALID if they are most of them, or if that was not the reason.
 */
export function makeValue<T>(
  field: string,
  records: readonly AirtableRecord[],
  value: (records: readonly AirtableRecord[]) => T,
): { value: T; flaws: Flaws } {
  const { cleaned, flaws } = clean(records)
  try {
    return { value: value(cleaned), flaws }
  } catch (error) {
    if (isForAll(error)) throw error
    flaws.why = toReason(error)
    const readable = cleaned.filter((record) => !fails(() => value([record])))
    flaws.unreadable = cleaned.filter((record) => !readable.includes(record)).map(({ id }) => id)
    assertReadable(field, flaws, records.length)
    if (flaws.unreadable.length > 0 && !fails(() => value(readable))) return { value: value(readable), flaws }
    throw airtableUnreadable(field, { ...flaws, unreadable: [] }, records.length)
  }
}

/** Throws SOURCE_INVALID when more than half of the records of a view cannot be read. */
export function assertReadable(field: string, flaws: Flaws, viewRecords: number): void {
  if (2 * flaws.unreadable.length > viewRecords) throw airtableUnreadable(field, flaws, viewRecords)
}

/** How many records an event names. */
const MOST_NAMED = 20

/** One event for all that a fetch could not take as it is. */
export function reportFlaws(field: string, flaws: Flaws): void {
  const { records, unreadable, why, erroneous, errors } = flaws
  if (unreadable.length + erroneous.length === 0) return
  const ids = [...new Set([...unreadable, ...erroneous])].filter((id) => /^\w{1,40}$/.test(id))
  processPorts().emit({
    type: 'source.flawed',
    field,
    records,
    unreadable: unreadable.length,
    why,
    erroneous: erroneous.length,
    errors,
    ids: ids.slice(0, MOST_NAMED),
  })
}

function clean(records: readonly AirtableRecord[]): { cleaned: AirtableRecord[]; flaws: Flaws } {
  const flaws: Flaws = { records: records.length, unreadable: [], why: null, erroneous: [], errors: 0 }
  const cleaned = records.map((given) => {
    const { record, errors } = withoutErrors(given)
    if (errors > 0) flaws.erroneous.push(record.id)
    flaws.errors += errors
    return record
  })
  return { cleaned, flaws }
}

/** What does not concern one record alone. */
const isForAll = (error: unknown): boolean =>
  processPorts().isControlFlow(error) || hasCode(error, 'SOURCE_INVALID', 'FIELD_INVALID')

/** Without the words of an error that is not ours: they can hold the value that it met. */
function toReason(error: unknown): string {
  if (isCodedError(error)) return error.message
  return error instanceof Error && /^\w{1,40}$/.test(error.name) ? error.name : 'Error'
}

function fails(work: () => unknown): boolean {
  try {
    work()
    return false
  } catch (error) {
    if (isForAll(error)) throw error
    return true
  }
}

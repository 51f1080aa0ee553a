/** Turns records into items or a value. An unreadable record does not affect the others, unless most are unreadable. */

import { hasCode, isCodedError } from '../../../shared/errors'
import { processPorts } from '../../../shared/ports'
import type { StandardSchema } from '../../cache/entry/schema'
import { airtableItemForeign, airtableUnreadable } from '../client/airtableErrors'
import { withoutErrors } from './cells'
import type { AirtableRecord } from './page'

export interface Listed {
  id: string
}

export interface Flaws {
  records: number
  /** Ids of unreadable records. `why`: the reason for the first one. */
  unreadable: string[]
  why: string | null
  /** Ids of records with error cells. `errors`: the number of these cells. */
  erroneous: string[]
  errors: number
}

export interface ItemMaker<Item extends Listed = Listed> {
  item(record: AirtableRecord): Item | null
  /** The indexes of the items that the schema refuses. Empty when it refuses the list as a whole. */
  refused?(items: readonly Item[]): Promise<ReadonlySet<number>>
}

/** `items`: by the id of the record; null for a record that is left out of the list. */
export interface MadeItems<Item extends Listed> {
  items: Map<string, Item | null>
  flaws: Flaws
}

export async function makeItems<Item extends Listed>(
  records: readonly AirtableRecord[],
  { item, refused }: ItemMaker<Item>,
): Promise<MadeItems<Item>> {
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
  for (const index of (await refused?.(made)) ?? []) {
    const id = made[index]?.id ?? ''
    if (!items.delete(id)) continue
    flaws.why ??= 'the schema refuses its item'
    flaws.unreadable.push(id)
  }
  return { items, flaws }
}

export function createRefusalCheck<Item>(schema: StandardSchema<Item[]>): NonNullable<ItemMaker['refused']> {
  return async (items) => {
    try {
      const { issues = [] } = await schema['~standard'].validate(structuredClone(items))
      const indexes = issues.map(({ path: [first] = [] }) => (typeof first === 'object' ? first.key : first))
      return new Set(indexes.filter((index) => typeof index === 'number'))
    } catch {
      // The check of the whole value reports a schema that throws.
      return new Set()
    }
  }
}

/** Throws SOURCE_INVALID for an item with another id than its record. Changes find items by that id. */
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
 * If the value cannot be made from all records, leaves out those that fail alone. Throws SOURCE_INVALID if they are the
 * majority, or if the rest fails as well.
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

/** Throws SOURCE_INVALID when more than half of the records are unreadable. */
export function assertReadable(field: string, flaws: Flaws, viewRecords: number): void {
  if (2 * flaws.unreadable.length > viewRecords) throw airtableUnreadable(field, flaws, viewRecords)
}

const MOST_NAMED = 20

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

const isForAll = (error: unknown): boolean =>
  processPorts().isControlFlow(error) || hasCode(error, 'SOURCE_INVALID', 'FIELD_INVALID')

/** Leaves out foreign error messages, which can quote a cell. */
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

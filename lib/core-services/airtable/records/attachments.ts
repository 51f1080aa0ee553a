import { isObject } from '../../../shared/text'
import type { AirtableRecord } from './page'

/**
 * In ms. Attachment URLs end after two hours ("Attachment URLs", support.airtable.com). A reader gets time to use one.
 */
const LIFE_MS = 100 * 60_000

/** Returns when a value made from these records ends, in ms since 1970; undefined without attachments. */
export function attachmentsEnd(records: readonly AirtableRecord[], readAt: number): number | undefined {
  const some = records.some(({ fields }) => Object.values(fields).some(hasAttachment))
  return some ? readAt + LIFE_MS : undefined
}

function hasAttachment(cell: unknown): boolean {
  return (
    Array.isArray(cell) &&
    cell.some(
      (one: unknown) =>
        isObject(one) && 'url' in one && typeof one.id === 'string' && one.id.startsWith('att'),
    )
  )
}

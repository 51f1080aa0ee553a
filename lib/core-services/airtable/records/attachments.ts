/** The life of values with attachments: their URLs expire, and a value must not outlive them. */
import type { AirtableRecord } from './page'

/**
 * The URLs end two hours after they were returned ("Attachment URLs", support.airtable.com). The difference leaves a reader
 * time to use a URL that it has just received.
 */
const LIFE_MS = 100 * 60_000

/** When a value made from these records ends, in ms since 1970; undefined when no cell holds an attachment. */
export function attachmentsEnd(records: readonly AirtableRecord[], readAt: number): number | undefined {
  const some = records.some(({ fields }) => Object.values(fields).some(hasAttachment))
  return some ? readAt + LIFE_MS : undefined
}

/** A cell with attachments is a list of objects with a URL and an id. */
function hasAttachment(cell: unknown): boolean {
  return (
    Array.isArray(cell) &&
    cell.some(
      (one: unknown) =>
        typeof one === 'object' &&
        one !== null &&
        'url' in one &&
        'id' in one &&
        typeof one.id === 'string' &&
        one.id.startsWith('att'),
    )
  )
}

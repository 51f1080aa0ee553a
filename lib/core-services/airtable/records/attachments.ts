/** Attachments come as URLs that Airtable lets expire, so no value that holds one may outlive it. */
import type { AirtableRecord } from './page'

/**
 * The URLs end two hours after they were returned ("Attachment URLs", support.airtable.com). This leaves some time to
 * whoever has just been given one.
 */
const LIFE_MS = 100 * 60_000

/** When a value that was made of these records ends, in ms since 1970; undefined when no cell has an attachment. */
export function attachmentsEnd(records: readonly AirtableRecord[], readAt: number): number | undefined {
  const some = records.some(({ fields }) => Object.values(fields).some(hasAttachment))
  return some ? readAt + LIFE_MS : undefined
}

/** A cell of attachments is a list of objects with a URL and an id of their own. */
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

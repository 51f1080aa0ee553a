/**
 * Finds changed records in the payloads of a webhook. Their cells have another format, so the records are read again.
 * https://airtable.com/developers/web/api/model/webhooks-payload
 */
import { hasCode } from '../../../shared/errors'
import type { PayloadPage, WebhookPayload } from '../webhooksApi'

export interface TableChanges {
  records: ReadonlyMap<string, RecordChange>
  /** A column was changed or removed, or the table is new or gone, so older values may mean something else. */
  schema: boolean
}

export interface RecordChange {
  destroyed: boolean
  /** The last announced cells, by the id of the column. */
  cells: Readonly<Record<string, unknown>>
  /** Whether it has also changed in a way that the cells do not show. */
  untold?: boolean
}

/** Why the payloads cannot be used, so that the whole view has to be read. */
export type Unreadable =
  | 'payloads-lost'
  | 'payloads-refused'
  | 'error-payload'
  | 'unknown-format'
  | 'too-many-payloads'

export interface LogChanges {
  cursor: number
  payloads: number
  tables: ReadonlyMap<string, TableChanges>
  unreadable?: Unreadable
}

/** 250 payloads. Further behind, a full read costs less. */
const MOST_PAGES = 5

/** Errors that a repetition of the request would get again. */
const REFUSED = [
  'AIRTABLE_WEBHOOK_UNKNOWN',
  'AIRTABLE_NOT_FOUND',
  'AIRTABLE_FORBIDDEN',
  'AIRTABLE_REFUSED',
  'AIRTABLE_QUERY_INVALID',
  'AIRTABLE_BAD_REPLY',
  'AIRTABLE_TOO_LARGE',
]

/** Resolves with null when Airtable refuses for good. Rejects with an AIRTABLE_ error when a retry can help. */
export async function unlessRefused<T>(request: () => Promise<T>): Promise<T | null> {
  try {
    return await request()
  } catch (error) {
    if (hasCode(error, ...REFUSED)) return null
    throw error
  }
}

/** Rejects with an AIRTABLE_ error when a retry can help. */
export async function readPayloads(
  list: (cursor: number) => Promise<PayloadPage>,
  from: number,
): Promise<LogChanges> {
  const tables = new Map<string, MutableChanges>()
  const changes = { cursor: from, payloads: 0, tables }
  for (let pages = 1; ; pages += 1) {
    const page = await unlessRefused(() => list(changes.cursor))
    if (page === null) return { ...changes, unreadable: 'payloads-refused' }
    // Payloads are gone, or it is another log, as after the base was restored.
    const lost = page.cursor - page.payloads.length !== changes.cursor
    changes.cursor = page.cursor
    changes.payloads += page.payloads.length
    if (lost) return { ...changes, unreadable: 'payloads-lost' }
    for (const payload of page.payloads) {
      if (payload.error === true) return { ...changes, unreadable: 'error-payload' }
      if (payload.payloadFormat !== 'v0') return { ...changes, unreadable: 'unknown-format' }
      collect(tables, payload)
    }
    if (!page.mightHaveMore) return changes
    if (pages === MOST_PAGES) return { ...changes, unreadable: 'too-many-payloads' }
  }
}

const UNTOLD: RecordChange = { destroyed: false, cells: {}, untold: true }

interface MutableChanges {
  records: Map<string, RecordChange>
  schema: boolean
}

function collect(tables: Map<string, MutableChanges>, payload: WebhookPayload): void {
  for (const [id, table] of entries(payload.changedTablesById)) {
    const changing = getTableChanges(tables, id)
    if (entries(table.changedFieldsById).length > 0 || strings(table.destroyedFieldIds).length > 0)
      changing.schema = true
    for (const [, view] of entries(table.changedViewsById)) {
      touch(changing, view)
      // The record may only have left the view.
      for (const record of strings(view.destroyedRecordIds)) changing.records.set(record, UNTOLD)
    }
    touch(changing, table)
    for (const record of strings(table.destroyedRecordIds))
      changing.records.set(record, { destroyed: true, cells: {} })
  }
  const made = Object.keys(Object(payload.createdTablesById))
  for (const id of [...made, ...strings(payload.destroyedTableIds)]) getTableChanges(tables, id).schema = true
}

function touch({ records }: MutableChanges, part: Json): void {
  for (const [id, { cellValuesByFieldId }] of entries(part.createdRecordsById)) {
    set(records, id, cellValuesByFieldId)
  }
  for (const [id, { current }] of entries(part.changedRecordsById)) {
    set(records, id, Object(current).cellValuesByFieldId)
  }
}

/** One write can come in several payloads. A current record must show the cells of all of them. */
function set(records: Map<string, RecordChange>, id: string, cells: unknown): void {
  const before = records.get(id)
  const known = before && !before.destroyed ? before : undefined
  const untold = known?.untold ? { untold: true } : {}
  records.set(id, { destroyed: false, cells: { ...known?.cells, ...Object(cells) }, ...untold })
}

function getTableChanges(tables: Map<string, MutableChanges>, id: string): MutableChanges {
  const changing = tables.get(id) ?? { records: new Map(), schema: false }
  tables.set(id, changing)
  return changing
}

type Json = Readonly<Record<string, unknown>>

const entries = (value: unknown): [string, Json][] =>
  Object.entries(Object(value)).map(([key, content]) => [key, Object(content)])

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

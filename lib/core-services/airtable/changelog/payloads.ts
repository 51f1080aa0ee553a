/**
 * What the payloads of a webhook say: which records of which tables were touched. Their cell values are in another format
 * than those of records, and the order of a view is not in them, so they are a list of what to read again, no more.
 * https://airtable.com/developers/web/api/model/webhooks-payload
 */
import { hasCode } from '../../../shared/errors'
import type { PayloadPage, WebhookPayload } from '../webhooksApi'

export interface TableChanges {
  /** What became of each record last. */
  records: ReadonlyMap<string, RecordChange>
  /** A column was changed or removed, or the table is new or gone: what was read before may mean something else. */
  schema: boolean
}

export interface RecordChange {
  destroyed: boolean
  /** What its changes have set of it at last, by the id of the column. */
  cells: Readonly<Record<string, unknown>>
  /** Something else became of it, too, and the cells do not tell what. */
  untold?: boolean
}

/** Why the payloads cannot be relied on: then everything has to be read. */
export type Unreadable =
  | 'payloads-lost'
  | 'payloads-refused'
  | 'error-payload'
  | 'unknown-format'
  | 'too-many-payloads'

export interface LogChanges {
  /** Where the next one goes on. */
  cursor: number
  payloads: number
  /** By the id of the table. */
  tables: ReadonlyMap<string, TableChanges>
  unreadable?: Unreadable
}

/** 250 payloads: who is that far behind is better off reading everything. */
const MOST_PAGES = 5

/** Codes of what the same request would be answered with again; whatever else rejects may work later. */
const REFUSED = [
  'AIRTABLE_WEBHOOK_UNKNOWN',
  'AIRTABLE_NOT_FOUND',
  'AIRTABLE_FORBIDDEN',
  'AIRTABLE_REFUSED',
  'AIRTABLE_QUERY_INVALID',
  'AIRTABLE_BAD_REPLY',
  'AIRTABLE_TOO_LARGE',
]

/** Null where Airtable refuses for good. Rejects with an AIRTABLE_ error when another try can help. */
export async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    if (hasCode(error, ...REFUSED)) return null
    throw error
  }
}

/** Lists all payloads from a cursor on. Rejects with an AIRTABLE_ error when another try can help. */
export async function drain(
  list: (cursor: number) => Promise<PayloadPage>,
  from: number,
): Promise<LogChanges> {
  const tables = new Map<string, Changing>()
  const drained = { cursor: from, payloads: 0, tables }
  for (let pages = 1; ; pages += 1) {
    const page = await unlessRefused(() => list(drained.cursor))
    if (page === null) return { ...drained, unreadable: 'payloads-refused' }
    // Less than was asked for: it is another log, such as that of a base that was restored.
    const lost = page.cursor - page.payloads.length !== drained.cursor
    drained.cursor = page.cursor
    drained.payloads += page.payloads.length
    if (lost) return { ...drained, unreadable: 'payloads-lost' }
    for (const payload of page.payloads) {
      if (payload.error === true) return { ...drained, unreadable: 'error-payload' }
      if (payload.payloadFormat !== 'v0') return { ...drained, unreadable: 'unknown-format' }
      collect(tables, payload)
    }
    if (!page.mightHaveMore) return drained
    if (pages === MOST_PAGES) return { ...drained, unreadable: 'too-many-payloads' }
  }
}

const UNTOLD: RecordChange = { destroyed: false, cells: {}, untold: true }

interface Changing {
  records: Map<string, RecordChange>
  schema: boolean
}

function collect(tables: Map<string, Changing>, payload: WebhookPayload): void {
  for (const [id, table] of entries(payload.changedTablesById)) {
    const changing = getTableChanges(tables, id)
    if (entries(table.changedFieldsById).length > 0 || strings(table.destroyedFieldIds).length > 0)
      changing.schema = true
    for (const [, view] of entries(table.changedViewsById)) {
      touch(changing, view)
      // It may have left the view only.
      for (const record of strings(view.destroyedRecordIds)) changing.records.set(record, UNTOLD)
    }
    touch(changing, table)
    for (const record of strings(table.destroyedRecordIds))
      changing.records.set(record, { destroyed: true, cells: {} })
  }
  const made = Object.keys(Object(payload.createdTablesById))
  for (const id of [...made, ...strings(payload.destroyedTableIds)]) getTableChanges(tables, id).schema = true
}

function touch({ records }: Changing, part: Json): void {
  for (const [id, { cellValuesByFieldId }] of entries(part.createdRecordsById)) {
    set(records, id, cellValuesByFieldId)
  }
  for (const [id, { current }] of entries(part.changedRecordsById)) {
    set(records, id, Object(current).cellValuesByFieldId)
  }
}

/** One write can come in several payloads, and a read that has the last change of a record must have those before it. */
function set(records: Map<string, RecordChange>, id: string, cells: unknown): void {
  const before = records.get(id)
  const known = before && !before.destroyed ? before : undefined
  const untold = known?.untold ? { untold: true } : {}
  records.set(id, { destroyed: false, cells: { ...known?.cells, ...Object(cells) }, ...untold })
}

function getTableChanges(tables: Map<string, Changing>, id: string): Changing {
  const changing = tables.get(id) ?? { records: new Map(), schema: false }
  tables.set(id, changing)
  return changing
}

type Json = Readonly<Record<string, unknown>>

const entries = (value: unknown): [string, Json][] =>
  Object.entries(Object(value)).map(([key, content]) => [key, Object(content)])

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

/** Decides whether a value can be updated record by record or has to be read whole. */

import type { LogChanges, RecordChange, Unreadable } from '../changelog/payloads'
import type { DeltaLimits } from '../changelog/syncLimits'
import type { SyncMark } from '../changelog/syncMark'

export type FullReadReason =
  | Unreadable
  /** The value does not show how far its log was read. */
  | 'no-mark'
  /** Another declaration or other code made the value. */
  | 'declared-anew'
  /** Airtable keeps payloads for seven days. */
  | 'log-too-old'
  /** A column has changed, or the table is gone. */
  | 'schema'
  /** The whole view takes as few requests. */
  | 'small-view'
  | 'many-records'
  /** Payloads know tables by their ids only. */
  | 'table-by-name'
  /** The order or the value depends on all records. */
  | 'not-a-list'
  /** A daily full read, for changes that no payload shows. */
  | 'reconcile'

export type SyncPlan =
  | { kind: 'none'; changes: LogChanges }
  | { kind: 'full'; why: FullReadReason }
  /** `due`: pending records whose second read will be believed. */
  | {
      kind: 'delta'
      changes: LogChanges
      records: ReadonlyMap<string, RecordChange>
      due: ReadonlySet<string>
    }

const DAY_MS = 86_400_000
const OLDEST_LOG_MS = 6 * DAY_MS
const RECONCILE_MS = DAY_MS

export interface ValueState {
  note: string | undefined
  mark: SyncMark | null
  /** When the whole view was read last, in ms since 1970. */
  fetchedAt: number
}

export interface SyncSource {
  /** Null for a table given by its name, which may be any of them. */
  tableId: string | null
  /** The webhook (ach…). */
  hook: string
  shape: string
  /** Whether the value is a list whose order depends on its items alone. */
  list: boolean
}

interface PlanRequest {
  source: SyncSource
  value: Pick<ValueState, 'mark' | 'fetchedAt'>
  /** Called only when the log can decide something. */
  readFrom(cursor: number): Promise<LogChanges>
  /** In ms since 1970. */
  now: number
  limits: DeltaLimits
}

export async function planSync({ source, value, readFrom, now, limits }: PlanRequest): Promise<SyncPlan> {
  const { tableId, hook, shape, list } = source
  const { mark, fetchedAt } = value
  if (mark === null || mark.hook !== hook) return { kind: 'full', why: 'no-mark' }
  if (mark.shape !== shape) return { kind: 'full', why: 'declared-anew' }
  if (now - mark.at > OLDEST_LOG_MS) return { kind: 'full', why: 'log-too-old' }
  const changes = await readFrom(mark.cursor)
  if (changes.unreadable) return { kind: 'full', why: changes.unreadable }
  if (tableId === null && changes.tables.size > 0) return { kind: 'full', why: 'table-by-name' }
  const table = changes.tables.get(tableId ?? '')
  const due = new Set(
    Object.keys(mark.pending).filter((id) => now - (mark.pending[id] ?? now) >= limits.lagMs),
  )
  const anyDue = mark.anyPending !== undefined && now - mark.anyPending >= limits.lagMs
  if (!table && due.size === 0 && !anyDue) return { kind: 'none', changes }
  if (table?.schema) return { kind: 'full', why: 'schema' }
  if (!list) return { kind: 'full', why: 'not-a-list' }
  if (mark.anyPending !== undefined) return { kind: 'full', why: 'many-records' }
  // A second read of a few records is one request, however small the view is.
  if (!table) return { kind: 'delta', changes, records: new Map(), due }
  if (mark.records <= limits.smallView) return { kind: 'full', why: 'small-view' }
  if (now - fetchedAt > RECONCILE_MS) return { kind: 'full', why: 'reconcile' }
  const { records } = table
  const noted = Object.keys({ ...mark.pending, ...mark.shown })
  const touched = new Set([...records.keys(), ...noted]).size
  if (touched > Math.min(limits.mostRecords, limits.mostShare * mark.records))
    return { kind: 'full', why: 'many-records' }
  return { kind: 'delta', changes, records, due }
}

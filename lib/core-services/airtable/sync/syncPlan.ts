/** Whether a value can be brought up to date record by record, and by which records; otherwise everything is read. */

import type { Drained, RecordChange, Unreadable } from '../changelog/payloads'
import type { DeltaLimits } from '../changelog/syncLimits'
import type { ChangeMark } from '../changelog/syncMark'

export type WhyFull =
  | Unreadable
  /** Nothing stands, or what stands does not say how far its log was read. */
  | 'no-mark'
  /** It was made by another declaration, or by other code. */
  | 'declared-anew'
  /** Payloads are kept for seven days. */
  | 'log-too-old'
  /** A change of columns, or the table is gone. */
  | 'schema'
  /** The whole view is as few requests. */
  | 'small-view'
  | 'many-records'
  /** Payloads know tables by their ids only. */
  | 'table-by-name'
  /** The order or the value depends on all records. */
  | 'not-a-list'
  /** Read as a whole once in a while, for what no payload tells. */
  | 'reconcile'

export type Plan =
  | { kind: 'none'; drained: Drained }
  | { kind: 'full'; why: WhyFull }
  | { kind: 'delta'; drained: Drained; changes: ReadonlyMap<string, RecordChange>; due: ReadonlySet<string> }

const DAY_MS = 86_400_000
const OLDEST_LOG_MS = 6 * DAY_MS
const RECONCILE_MS = DAY_MS

export interface Standing {
  mark: ChangeMark | null
  /** When everything was read last, in ms since 1970. */
  fetchedAt: number
}

export interface Subject {
  /** Null for a table that is given by its name, which may be any of them. */
  tableId: string | null
  hook: string
  shape: string
  /** Whether the value is a list that items alone put in order. */
  list: boolean
}

/** `drainFrom` is asked only when the log can tell something. */
export async function planFor(
  { tableId, hook, shape, list }: Subject,
  { mark, fetchedAt }: Standing,
  drainFrom: (cursor: number) => Promise<Drained>,
  now: number,
  limits: DeltaLimits,
): Promise<Plan> {
  if (mark === null || mark.hook !== hook) return { kind: 'full', why: 'no-mark' }
  if (mark.shape !== shape) return { kind: 'full', why: 'declared-anew' }
  if (now - mark.at > OLDEST_LOG_MS) return { kind: 'full', why: 'log-too-old' }
  const drained = await drainFrom(mark.cursor)
  if (drained.unreadable) return { kind: 'full', why: drained.unreadable }
  if (tableId === null && drained.tables.size > 0) return { kind: 'full', why: 'table-by-name' }
  const table = drained.tables.get(tableId ?? '')
  const due = new Set(
    Object.keys(mark.pending).filter((id) => now - (mark.pending[id] ?? now) >= limits.lagMs),
  )
  const anyDue = mark.anyPending !== undefined && now - mark.anyPending >= limits.lagMs
  if (!table && due.size === 0 && !anyDue) return { kind: 'none', drained }
  if (table?.schema) return { kind: 'full', why: 'schema' }
  if (!list) return { kind: 'full', why: 'not-a-list' }
  if (mark.anyPending !== undefined) return { kind: 'full', why: 'many-records' }
  // To look once more at a few records is one request, however small the view is.
  if (!table) return { kind: 'delta', drained, changes: new Map(), due }
  if (mark.records <= limits.smallView) return { kind: 'full', why: 'small-view' }
  if (now - fetchedAt > RECONCILE_MS) return { kind: 'full', why: 'reconcile' }
  const changes = table.records
  const noted = Object.keys({ ...mark.pending, ...mark.shown })
  const touched = new Set([...changes.keys(), ...noted]).size
  if (touched > Math.min(limits.mostRecords, limits.mostShare * mark.records))
    return { kind: 'full', why: 'many-records' }
  return { kind: 'delta', drained, changes, due }
}

import type { Settings } from '../controls'
import type { Clock } from '../rateLimit'
import type { RecordData, Table } from './table'

/** Without `before` the record is new, without `after` it is deleted. */
export interface Change {
  readonly id: string
  readonly before?: RecordData | undefined
  readonly after?: RecordData | undefined
}

export type Commit = (table: Table, changes: readonly Change[]) => void

/** Reports writes to `changed`. Reads show the records as they were `readLagMs` ago. */
export function createStore(clock: Clock, settings: Settings, changed: Commit) {
  /** Before each write, oldest first. */
  let past: { tableId: string; until: number; records: Table['records'] }[] = []
  const commit: Commit = (table, changes) => {
    const now = clock()
    past = past.filter(({ until }) => until > now - settings.readLagMs)
    if (settings.readLagMs > 0) {
      past.push({ tableId: table.id, until: now, records: new Map(table.records) })
    }
    for (const { id, after } of changes) {
      if (after === undefined) table.records.delete(id)
      else table.records.set(id, after)
    }
    changed(table, changes)
  }
  const snapshot = (table: Table): Table => {
    if (settings.readLagMs === 0) return table
    const moment = clock() - settings.readLagMs
    const before = past.find(({ tableId, until }) => tableId === table.id && until > moment)
    return before === undefined ? table : { ...table, records: before.records }
  }
  return { commit, snapshot }
}

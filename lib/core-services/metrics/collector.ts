/** Counts events in memory, as the tables say. What it holds is bounded by the number of rows and of field names. */
import type { Clock } from '../../shared/clock'
import type { FieldCacheEvent } from '../../shared/events'
import { type Counts, emptyCounts, toName } from './counts'
import { listRows, type Row, type Table } from './kinds/row'
import { FIELD_LAST, SYSTEM_LAST } from './table/lastEvents'
import { FIELD_METRICS, OWN_WORK, SYSTEM_METRICS } from './table/metrics'

/** Of field names: more than these are counted together. */
const MAX_NAMES = 100
/** The name for fields without a proper one, such as keys of `refreshCache`, and for those beyond the limit. */
const OTHER = 'other'

const FIELD_ROWS = groupByEvent(FIELD_METRICS, FIELD_LAST)
const SYSTEM_ROWS = groupByEvent(SYSTEM_METRICS, SYSTEM_LAST)

/** So that an event costs no more than the rows that name it. */
function groupByEvent(...tables: readonly Table[]): Map<string, Row[]> {
  const grouped = new Map<string, Row[]>()
  for (const row of tables.flatMap(listRows<Row>))
    for (const type of Object.keys(row.from)) grouped.set(type, [...(grouped.get(type) ?? []), row])
  return grouped
}

export function createCollector(clock: () => Pick<Clock, 'now'>) {
  const names = new Set<string>()
  let counts = emptyCounts()

  function toLabel(field: string): string {
    if (names.has(field)) return field
    if (names.size >= MAX_NAMES || !/^[a-z][a-z0-9-]{0,59}$/.test(field)) return OTHER
    names.add(field)
    return field
  }

  function count(rows: readonly Row[], event: FieldCacheEvent, ...field: string[]): void {
    for (const { stored, from, record } of rows) {
      const contribute = from[event.type] as (event: FieldCacheEvent) => unknown
      const contribution = contribute(event)
      if (contribution !== null) record(counts, toName(stored, ...field), contribution, clock().now())
    }
  }

  return {
    /** True when the event was counted and is worth reporting to the other instances. */
    record(event: FieldCacheEvent): boolean {
      const ofField = FIELD_ROWS.get(event.type) ?? []
      const ofSystem = SYSTEM_ROWS.get(event.type) ?? []
      if ('field' in event) count(ofField, event, toLabel(event.field))
      count(ofSystem, event)
      return ofField.length + ofSystem.length > 0 && !OWN_WORK.has(event.type)
    },
    /** Returns what was counted since the last call, and begins anew. */
    take(): Counts {
      const taken = counts
      counts = emptyCounts()
      return taken
    },
    get counts() {
      return counts
    },
  }
}

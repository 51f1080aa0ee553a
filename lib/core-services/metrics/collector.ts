/** Counts events in memory, as the tables say. What it holds is bounded by the number of rows and of field names. */

import type { Clock } from '../../shared/clock'
import type { FieldCacheEvent } from '../../shared/events'
import { type Counts, emptyCounts, increase, keepLast, toName } from './counts'
import { toBucket } from './histogram'
import { FIELD_METRICS, OWN_WORK, SYSTEM_METRICS } from './table/counters'
import { FIELD_LAST, type LastEvent, SYSTEM_LAST } from './table/lastEvents'
import { getContribution, listMetrics, type Metric } from './table/metric'

export interface Collector {
  /** True when the event was counted and is worth reporting to the other instances. */
  record(event: FieldCacheEvent): boolean
  /** Returns what was counted since the last call, and begins anew. */
  take(): Counts
  readonly counts: Counts
}

/** How many field names a process counts separately. */
const MAX_NAMES = 100
/** The name for fields without a proper one, such as keys of `refreshCache`, and for those beyond the limit. */
export const OTHER = 'other'

interface Entry<Row> {
  row: Row
  /** Whether the name of the field is part of the count's name. */
  perField: boolean
}

const METRICS_BY_EVENT = groupByEvent<Metric>(
  listMetrics(FIELD_METRICS).map(({ metric }) => metric),
  listMetrics(SYSTEM_METRICS).map(({ metric }) => metric),
)
const LAST_BY_EVENT = groupByEvent<LastEvent<unknown>>(Object.values(FIELD_LAST), Object.values(SYSTEM_LAST))

/** So that an event costs no more than the rows that name it. */
function groupByEvent<Row extends { from: object }>(
  ofFields: Row[],
  ofSystem: Row[],
): Map<string, Entry<Row>[]> {
  const grouped = new Map<string, Entry<Row>[]>()
  const entries = [...ofFields, ...ofSystem].map((row, index) => ({ row, perField: index < ofFields.length }))
  for (const entry of entries)
    for (const type of Object.keys(entry.row.from)) grouped.set(type, [...(grouped.get(type) ?? []), entry])
  return grouped
}

export function createCollector(clock: () => Pick<Clock, 'now'>): Collector {
  const names = new Set<string>()
  let counts = emptyCounts()

  function toLabel(field: string): string {
    if (names.has(field)) return field
    if (names.size >= MAX_NAMES || !/^[a-z][a-z0-9-]{0,59}$/.test(field)) return OTHER
    names.add(field)
    return field
  }

  function countMetric(metric: Metric, event: FieldCacheEvent, field: readonly string[]): void {
    const { stored } = metric
    if (metric.kind === 'counter') {
      const contribution = getContribution(metric.from, event)
      if (!contribution) return
      const [amount, ...labels] = contribution
      increase(counts.sums, toName(stored, ...field, ...labels), amount)
      return
    }
    const milliseconds = getContribution(metric.from, event)
    if (milliseconds === undefined) return
    increase(counts.sums, toName(stored, ...field, toBucket(milliseconds)))
    increase(counts.sums, toName(stored, ...field, 'ms'), milliseconds)
  }

  function keepEvent(row: LastEvent<unknown>, event: FieldCacheEvent, field: readonly string[]): void {
    const details = getContribution(row.from, event)
    if (details) keepLast(counts, toName(row.stored, ...field), clock().now(), details)
  }

  return {
    record(event) {
      const field = 'field' in event ? [toLabel(event.field)] : []
      const metrics = METRICS_BY_EVENT.get(event.type) ?? []
      const last = LAST_BY_EVENT.get(event.type) ?? []
      for (const { row, perField } of metrics) countMetric(row, event, perField ? field : [])
      for (const { row, perField } of last) keepEvent(row, event, perField ? field : [])
      return metrics.length + last.length > 0 && !OWN_WORK.has(event.type)
    },
    take() {
      const taken = counts
      counts = emptyCounts()
      return taken
    },
    get counts() {
      return counts
    },
  }
}

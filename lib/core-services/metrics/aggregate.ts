/** Turns counts by name into the values that a snapshot shows: for each field, all fields together, and the system. */
import { increase } from './counts'
import type { FieldTraffic, Traffic } from './snapshot'
import { FIELD_METRICS, SYSTEM_METRICS } from './table/counters'
import { listMetrics, toValues } from './table/metric'

export interface TrafficByField extends Traffic {
  byField: ReadonlyMap<string, FieldTraffic>
}

const STORED_BY_FIELD = new Set(listMetrics(FIELD_METRICS).map(({ metric }) => metric.stored))

export function aggregate(sums: ReadonlyMap<string, number>): TrafficByField {
  const all = new Map<string, number>()
  const byField = new Map<string, Map<string, number>>()
  for (const [name, amount] of sums) {
    const [stored = '', encodedField = '', ...labels] = name.split(':')
    if (!STORED_BY_FIELD.has(stored)) continue
    const field = decodeURIComponent(encodedField)
    const own = byField.get(field) ?? new Map<string, number>()
    byField.set(field, own)
    for (const counts of [own, all]) increase(counts, [stored, ...labels].join(':'), amount)
  }
  return {
    fields: toFieldTraffic(all),
    system: toValues(SYSTEM_METRICS, sums),
    byField: new Map([...byField].map(([field, own]) => [field, toFieldTraffic(own)])),
  }
}

/** `sums`: counts of one field or of all, under names without the field. */
export function toFieldTraffic(sums: ReadonlyMap<string, number>): FieldTraffic {
  const values = toValues(FIELD_METRICS, sums)
  const { hit, stale, cooldown, miss, degraded } = values.reads
  const unforced = hit + stale + cooldown + miss + degraded + values.failedReads
  return { ...values, hitRate: unforced === 0 ? null : (hit + stale + cooldown) / unforced }
}

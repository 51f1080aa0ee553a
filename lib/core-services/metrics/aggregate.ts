/** Turns counts by name into the values that a snapshot shows: for each field, all fields together, and the system. */
import { increase } from './counts'
import type { FieldTraffic, Traffic } from './snapshot'
import { FIELD_METRICS, SYSTEM_METRICS } from './table/counters'
import { listMetrics, toValues } from './table/metric'

type Sums = ReadonlyMap<string, number>

const STORED_BY_FIELD = new Set(listMetrics(FIELD_METRICS).map(({ metric }) => metric.stored))

export function aggregate(sums: Sums): Traffic {
  const all = new Map<string, number>()
  for (const { name, amount } of listFieldCounts(sums)) increase(all, name, amount)
  return { fields: toFieldTraffic(all), system: toValues(SYSTEM_METRICS, sums) }
}

export function aggregateByField(sums: Sums): Map<string, FieldTraffic> {
  const byField = new Map<string, Map<string, number>>()
  for (const { field, name, amount } of listFieldCounts(sums)) {
    const own = byField.get(field) ?? new Map<string, number>()
    byField.set(field, own)
    increase(own, name, amount)
  }
  return new Map([...byField].map(([field, own]) => [decodeURIComponent(field), toFieldTraffic(own)]))
}

/** The counts of fields; `name`: without the field, which is its second part. */
function* listFieldCounts(sums: Sums): Generator<{ field: string; name: string; amount: number }> {
  for (const [fullName, amount] of sums) {
    const [stored = '', field = ''] = fullName.split(':', 2)
    if (!STORED_BY_FIELD.has(stored)) continue
    yield { field, name: stored + fullName.slice(stored.length + 1 + field.length), amount }
  }
}

/** `sums`: counts of one field or of all, under names without the field. */
export function toFieldTraffic(sums: Sums): FieldTraffic {
  const values = toValues(FIELD_METRICS, sums)
  const { hit, stale, cooldown, miss, degraded } = values.reads
  const unforced = hit + stale + cooldown + miss + degraded + values.failedReads
  return { ...values, hitRate: unforced === 0 ? null : (hit + stale + cooldown) / unforced }
}

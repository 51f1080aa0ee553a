/**
 * A snapshot in the text format of Prometheus, 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats). Names
 * that begin with `cache_` are those that monitoring of the app's forerunners reads; all others begin with `field_cache_`.
 */
import { type Description, isRow, type Metric, type Sample, type SampleLabels, type Table } from './kinds/row'
import type { MetricsSnapshot } from './snapshot'
import { FIELD_GAUGES, GAUGES, type Gauge } from './table/gauges'
import { FIELD_METRICS, SYSTEM_METRICS } from './table/metrics'

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

interface Shown extends Pick<Description, 'name' | 'help'> {
  type: string
  labels: SampleLabels
  samples: readonly Sample[]
}

/**
 * While Redis cannot be reached, only some gauges of this process are shown: counters that fall to what one process has
 * counted would look like a restart, and everything counted before would be counted again.
 */
export function prometheusText(snapshot: MetricsSnapshot): string {
  const complete = snapshot.scope === 'deployment'
  const fields = Object.entries(complete ? snapshot.fields : {})
  const rows = [
    ...GAUGES.filter(({ always }) => complete || always).map((gauge) => showGauge(gauge, snapshot, {})),
    ...(complete ? showTable(SYSTEM_METRICS, snapshot.total.system, {}) : []),
    ...fields.flatMap(([field, { total }]) => showTable(FIELD_METRICS, total, { field })),
    ...fields.flatMap(([field, metrics]) =>
      FIELD_GAUGES.map((gauge) => showGauge(gauge, metrics, { field })),
    ),
  ]
  const names = [...new Set(rows.map(({ name }) => name))]
  return `${names.flatMap((name) => listLines(rows.filter((row) => row.name === name))).join('\n')}\n`
}

function showGauge<Source>(gauge: Gauge<Source>, source: Source, labels: SampleLabels): Shown {
  const { name, help, type = 'gauge', unit, from } = gauge
  const value = from(source)
  const samples = typeof value === 'object' && value ? value : value === undefined ? [] : [{ value }]
  return { name, help, type, labels, samples: unit === 'ms' ? samples.map(toSeconds) : samples }
}

const toSeconds = (sample: Sample): Sample =>
  sample.suffix === '_count' || sample.value === null ? sample : { ...sample, value: sample.value / 1000 }

function showTable(table: Table<Metric>, values: object, labels: SampleLabels): Shown[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const node = table[key]
    if (!node) return []
    if (!isRow(node)) return showTable(node, value, labels)
    const { name, help, type, fixedLabels } = node
    return [{ name, help, type, labels: { ...labels, ...fixedLabels }, samples: node.toSamples(value) }]
  })
}

/** The lines of a family, to which all rows of one name belong; none without samples. */
function listLines(rows: readonly Shown[]): string[] {
  const samples = rows.flatMap((row) => row.samples.map((sample) => ({ row, sample })))
  const [first] = rows
  if (!first || samples.length === 0) return []
  const lines = samples.map(({ row, sample: { value, suffix = '', ...sample } }) => {
    const labels = { ...row.labels, ...sample.labels }
    const pairs = Object.entries(labels).map(
      ([label, text]) => `${label}="${escapeText(text).replaceAll('"', '\\"')}"`,
    )
    return `${first.name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join()}}`} ${formatNumber(value)}`
  })
  return [`# HELP ${first.name} ${escapeText(first.help)}`, `# TYPE ${first.name} ${first.type}`, ...lines]
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function formatNumber(value: number | null): string {
  return value === null || Number.isNaN(value) ? 'NaN' : String(Number(value.toPrecision(15)))
}

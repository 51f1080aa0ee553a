/**
 * A snapshot in the text format of Prometheus, 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats). Names
 * that begin with `cache_` are those that monitoring of the app's forerunners reads; all others begin with `field_cache_`.
 * Durations are in seconds.
 */
import { BUCKETS_MS, type Latency } from './histogram'
import type { MetricsSnapshot } from './snapshot'
import { FIELD_METRICS, SYSTEM_METRICS } from './table/counters'
import { FIELD_GAUGES, GAUGES, type Gauge, type Sample } from './table/gauges'
import { getValue, listMetrics, type Metric, type MetricTable, type Value } from './table/metric'

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type SampleLabels = Readonly<Record<string, string>>
/** Labels of all samples, and what these are read from. */
type Source<T> = readonly [labels: SampleLabels, source: T]

/**
 * While Redis cannot be reached, only some gauges of this process are shown: counters that fall to what one process has
 * counted would look like a restart, and everything counted before would be counted again.
 */
export function prometheusText(snapshot: MetricsSnapshot): string {
  const complete = snapshot.scope === 'deployment'
  const fields = Object.entries(complete ? snapshot.fields : {})
  const families = [
    ...GAUGES.filter(({ always }) => complete || always).map((gauge) => gaugeText(gauge, [[{}, snapshot]])),
    ...tableTexts(SYSTEM_METRICS, complete ? [[{}, snapshot.total.system]] : []),
    ...tableTexts(
      FIELD_METRICS,
      fields.map(([field, { total }]) => [{ field }, total]),
    ),
    ...FIELD_GAUGES.map((gauge) =>
      gaugeText(
        gauge,
        fields.map(([field, metrics]) => [{ field }, metrics]),
      ),
    ),
  ]
  return `${families.filter((text) => text !== '').join('\n')}\n`
}

function gaugeText<T>(gauge: Gauge<T>, sources: readonly Source<T>[]): string {
  const { name, type = 'gauge', help, unit, from } = gauge
  const samples = sources.flatMap(([labels, source]) =>
    from(source).map((sample) => ({
      ...sample,
      value: unit === 'ms' && sample.suffix !== '_count' ? toSeconds(sample.value) : sample.value,
      labels: { ...labels, ...sample.labels },
    })),
  )
  return familyText(name, type, help, samples)
}

/** Rows of one name become one family. */
function tableTexts(table: MetricTable, sources: readonly Source<object>[]): string[] {
  const rows = listMetrics(table)
  const names = new Set(rows.map(({ metric }) => metric.name))
  return [...names].map((name) => {
    const own = rows.filter(({ metric }) => metric.name === name)
    const samples = sources.flatMap(([labels, source]) =>
      own.flatMap(({ metric, path }) =>
        metricSamples(metric, getValue(source, path), { ...labels, ...metric.fixedLabels }),
      ),
    )
    const [first] = own
    return first ? familyText(name, first.metric.kind, first.metric.help, samples) : ''
  })
}

function metricSamples(metric: Metric, value: Value, labels: SampleLabels): Sample[] {
  if (metric.kind === 'histogram') return histogramSamples(value as Latency, labels)
  if (typeof value === 'number') return [{ value, labels }]
  const [[name] = [''], ...rest] = metric.labels
  return Object.entries(value).flatMap(([key, own]) =>
    metricSamples({ ...metric, labels: rest }, own, { ...labels, [name]: key }),
  )
}

function histogramSamples({ buckets, sumMs, count }: Latency, labels: SampleLabels): Sample[] {
  let within = 0
  const cumulative = buckets.map((more, index): Sample => {
    within += more
    const bound = BUCKETS_MS[index]
    const le = bound === undefined ? '+Inf' : formatNumber(bound / 1000)
    return { suffix: '_bucket', value: within, labels: { ...labels, le } }
  })
  return [
    ...cumulative,
    { suffix: '_sum', value: toSeconds(sumMs), labels },
    { suffix: '_count', value: count, labels },
  ]
}

function familyText(name: string, type: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  const lines = samples.map(({ value, labels = {}, suffix = '' }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
    return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join()}}`} ${formatNumber(value)}`
  })
  const escapedHelp = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return [`# HELP ${name} ${escapedHelp}`, `# TYPE ${name} ${type}`, ...lines].join('\n')
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function formatNumber(value: number | null): string {
  return value === null || Number.isNaN(value) ? 'NaN' : String(Number(value.toPrecision(15)))
}

const toSeconds = (milliseconds: number | null): number | null =>
  milliseconds === null ? null : milliseconds / 1000

/** Metrics that are not counted but read off the snapshot, one row each. */
import { BREAKER_STATES } from '../../../shared/events'
import { type FieldMetrics, type MetricsSnapshot, WINDOWS } from '../snapshot'

/** A null is shown as NaN. */
export interface Sample {
  value: number | null
  labels?: Readonly<Record<string, string>>
  /** What histograms and summaries append to their name. */
  suffix?: '_bucket' | '_sum' | '_count'
}

export interface Gauge<Source> {
  name: string
  help: string
  /** @default 'gauge' */
  type?: 'gauge' | 'summary'
  /** Of what `from` gives: Prometheus gets seconds of `ms`. */
  unit?: 'ms'
  /** Also shown while Redis cannot be reached, when only this process is known. @default false */
  always?: true
  /** Without samples the metric is left out. */
  from(source: Source): readonly Sample[]
}

const ifKnown = (value: number | null | undefined, labels = {}): Sample[] =>
  value === null || value === undefined ? [] : [{ value, labels }]

export const GAUGES: readonly Gauge<MetricsSnapshot>[] = [
  {
    name: 'cache_hit_rate',
    help: 'Share of reads that did not wait for the source, without forced ones',
    from: ({ windows }) =>
      WINDOWS.map((window) => ({ value: windows[window].fields.hitRate, labels: { window } })),
  },
  {
    name: 'cache_operation_latency_seconds',
    type: 'summary',
    help: 'Duration of field reads; the quantiles are those of the last 5 minutes',
    unit: 'ms',
    from: ({ windows, total }) => {
      const { p50Ms, p95Ms, p99Ms } = windows['5m'].fields.readLatency
      const { sumMs, count } = total.fields.readLatency
      return [
        { value: p50Ms, labels: { quantile: '0.5' } },
        { value: p95Ms, labels: { quantile: '0.95' } },
        { value: p99Ms, labels: { quantile: '0.99' } },
        { value: sumMs, suffix: '_sum' },
        { value: count, suffix: '_count' },
      ]
    },
  },
  {
    name: 'cache_circuit_breaker_state',
    help: 'The worst circuit breaker of all instances: 0 closed, 1 open, 2 half-open',
    always: true,
    from: ({ breaker }) => [{ value: BREAKER_STATES.indexOf(breaker) }],
  },
  {
    name: 'cache_active_locks',
    help: 'Locks held by all instances, as they last reported',
    always: true,
    from: ({ activeLocks }) => [{ value: activeLocks }],
  },
  {
    name: 'field_cache_redis_refused_writes_since_timestamp_seconds',
    help: 'When Redis began to refuse the writes of the answering instance, with the error code',
    unit: 'ms',
    always: true,
    from: ({ refusedWrites }) => ifKnown(refusedWrites?.since, { code: refusedWrites?.code }),
  },
  {
    name: 'field_cache_instances',
    help: 'Instances that reported in the last 5 minutes',
    from: ({ instances }) => [{ value: instances.length }],
  },
  {
    name: 'field_cache_counted_since_timestamp_seconds',
    help: 'When counting began',
    unit: 'ms',
    from: ({ since }) => [{ value: since }],
  },
  {
    name: 'field_cache_monthly_commands',
    help: 'Billed Redis commands of 30 days at the rate of the last 24 hours',
    from: ({ bill }) => [{ value: bill.monthlyCommands }],
  },
  {
    name: 'field_cache_monthly_usd',
    help: 'The price of field_cache_monthly_commands in US dollars',
    from: ({ bill }) => [{ value: bill.monthlyUsd }],
  },
  {
    name: 'field_cache_cron_last_run_timestamp_seconds',
    help: 'When the last run of the cron ended, without skipped ones',
    unit: 'ms',
    from: ({ lastCronRun }) => ifKnown(lastCronRun?.at),
  },
  {
    name: 'field_cache_metrics_complete',
    help: 'Whether these numbers include all instances: 0 while Redis cannot be reached',
    always: true,
    from: ({ scope }) => [{ value: scope === 'deployment' ? 1 : 0 }],
  },
]

export const FIELD_GAUGES: readonly Gauge<FieldMetrics>[] = [
  {
    name: 'field_cache_last_success_timestamp_seconds',
    help: 'When the source last answered',
    unit: 'ms',
    from: ({ lastSuccess }) => ifKnown(lastSuccess?.at),
  },
  {
    name: 'field_cache_last_failure_timestamp_seconds',
    help: 'When the source last failed',
    unit: 'ms',
    from: ({ lastFailure }) => ifKnown(lastFailure?.at),
  },
  {
    name: 'field_cache_value_bytes',
    help: 'Size of the last value as JSON',
    from: ({ lastSuccess }) => ifKnown(lastSuccess?.bytes),
  },
  {
    name: 'field_cache_value_items',
    help: 'Items of the last value, if it is a list',
    from: ({ lastSuccess }) => ifKnown(lastSuccess?.items),
  },
  {
    name: 'field_cache_field_monthly_usd',
    help: 'The price of its Redis commands in 30 days, in US dollars',
    from: ({ monthlyUsd }) => ifKnown(monthlyUsd),
  },
]

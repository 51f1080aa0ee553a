/** Metrics that are not counted but read off the snapshot, one row each. */
import { BREAKER_STATES } from '../../../shared/events'
import type { Description, Sample } from '../kinds/row'
import type { FieldMetrics, MetricsSnapshot } from '../snapshot'

export interface Gauge<Source> extends Description {
  /** @default 'gauge' */
  type?: 'gauge' | 'summary'
  /** Of what `from` gives: Prometheus gets seconds of `ms`. */
  unit?: 'ms'
  /** Also shown while Redis cannot be reached, when only this process is known. @default false */
  always?: true
  /** The value, or samples with labels; undefined: the metric is left out. */
  from(source: Source): number | null | undefined | readonly Sample[]
}

export const GAUGES: readonly Gauge<MetricsSnapshot>[] = [
  {
    name: 'cache_hit_rate',
    help: 'Share of reads that did not wait for the source, without forced ones',
    from: ({ windows }) =>
      Object.entries(windows).map(([window, { fields }]) => ({ value: fields.hitRate, labels: { window } })),
  },
  {
    name: 'cache_operation_latency_seconds',
    type: 'summary',
    help: 'Duration of field reads; the quantiles are those of the last 5 minutes',
    unit: 'ms',
    from({ windows, total }) {
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
    from: ({ breaker }) => BREAKER_STATES.indexOf(breaker),
  },
  {
    name: 'cache_active_locks',
    help: 'Locks held by all instances, as they last reported',
    always: true,
    from: ({ activeLocks }) => activeLocks,
  },
  {
    name: 'field_cache_redis_refused_writes_since_timestamp_seconds',
    help: 'When Redis began to refuse the writes of the answering instance, with the error code',
    unit: 'ms',
    always: true,
    from: ({ refusedWrites: refused }) =>
      refused && [{ value: refused.since, labels: { code: refused.code } }],
  },
  {
    name: 'field_cache_instances',
    help: 'Instances that reported in the last 5 minutes',
    from: ({ instances }) => instances.length,
  },
  {
    name: 'field_cache_counted_since_timestamp_seconds',
    help: 'When counting began',
    unit: 'ms',
    from: ({ since }) => since,
  },
  {
    name: 'field_cache_monthly_commands',
    help: 'Billed Redis commands of 30 days at the rate of the last 24 hours',
    from: ({ bill }) => bill.monthlyCommands,
  },
  {
    name: 'field_cache_monthly_usd',
    help: 'The price of field_cache_monthly_commands in US dollars',
    from: ({ bill }) => bill.monthlyUsd,
  },
  {
    name: 'field_cache_cron_last_run_timestamp_seconds',
    help: 'When the last run of the cron ended, without skipped ones',
    unit: 'ms',
    from: ({ lastCronRun }) => lastCronRun?.at,
  },
  {
    name: 'field_cache_metrics_complete',
    help: 'Whether these numbers include all instances: 0 while Redis cannot be reached',
    always: true,
    from: ({ scope }) => (scope === 'deployment' ? 1 : 0),
  },
]

export const FIELD_GAUGES: readonly Gauge<FieldMetrics>[] = [
  {
    name: 'field_cache_last_success_timestamp_seconds',
    help: 'When the source last answered',
    unit: 'ms',
    from: ({ lastSuccess }) => lastSuccess?.at,
  },
  {
    name: 'field_cache_last_failure_timestamp_seconds',
    help: 'When the source last failed',
    unit: 'ms',
    from: ({ lastFailure }) => lastFailure?.at,
  },
  {
    name: 'field_cache_value_bytes',
    help: 'Size of the last value as JSON',
    from: ({ lastSuccess }) => lastSuccess?.bytes,
  },
  {
    name: 'field_cache_value_items',
    help: 'Items of the last value, if it is a list',
    from: ({ lastSuccess }) => lastSuccess?.items ?? undefined,
  },
  {
    name: 'field_cache_field_monthly_usd',
    help: 'The price of its Redis commands in 30 days, in US dollars',
    from: ({ monthlyUsd }) => monthlyUsd ?? undefined,
  },
]

/**
 * A snapshot in the text format of Prometheus, 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats). Names
 * that begin with `cache_` are those that monitoring of the app's forerunners asks for; everything else is under
 * `field_cache_`, in seconds and bytes, counters ending in `_total`.
 */
import { BREAKER_STATES } from '../../shared/events'
import { BUCKETS_MS } from './histogram'
import {
  CRON_OUTCOMES,
  FIELD_STATUSES,
  type FieldMetrics,
  type Latency,
  type MetricsSnapshot,
  REFRESH_OUTCOMES,
  REFRESH_REASONS,
  WINDOWS,
} from './snapshot'

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type Labels = Record<string, string>
type Sample = readonly [value: number | null, labels?: Labels]
type Kind = 'counter' | 'gauge' | 'histogram' | 'summary'

/**
 * Without Redis there are gauges of this process only: counters that fell to what one process knows would be taken for a
 * restart, and everything counted before for new.
 */
export function prometheusText(snapshot: MetricsSnapshot): string {
  const complete = snapshot.scope === 'deployment'
  const families = complete
    ? [...gauges(snapshot), ...counters(snapshot), ...byField(snapshot)]
    : stateOf(snapshot)
  return `${[...families, completeness(complete)].filter((text) => text !== '').join('\n')}\n`
}

const completeness = (complete: boolean): string =>
  family(
    'field_cache_metrics_complete',
    'gauge',
    'Whether all instances are in it: 0 while Redis cannot be asked',
    [[complete ? 1 : 0]],
  )

function stateOf({ breaker, activeLocks, refusedWrites }: MetricsSnapshot): string[] {
  return [
    family(
      'cache_circuit_breaker_state',
      'gauge',
      'The worst circuit breaker of all instances: 0 closed, 1 open, 2 half-open',
      [[BREAKER_STATES.indexOf(breaker)]],
    ),
    family('cache_active_locks', 'gauge', 'Locks held by all instances when they told of it last', [
      [activeLocks],
    ]),
    family(
      'field_cache_redis_refused_writes_since_timestamp_seconds',
      'gauge',
      'Since when Redis refuses the writes of the instance that answers, and with which code',
      refusedWrites ? [[refusedWrites.since / 1000, { code: refusedWrites.code }]] : [],
    ),
  ]
}

function gauges(snapshot: MetricsSnapshot): string[] {
  const { windows, instances, lastCronRun, since, bill, total } = snapshot
  const lately = windows['5m'].fields.readLatency
  return [
    family(
      'cache_hit_rate',
      'gauge',
      'Share of reads that did not wait for the source, forced ones left out',
      WINDOWS.map((window) => [windows[window].fields.hitRate, { window }]),
    ),
    family(
      'cache_operation_latency_seconds',
      'summary',
      'Duration of field reads, quantiles of the last 5 minutes',
      [
        [seconds(lately.p50Ms), { quantile: '0.5' }],
        [seconds(lately.p95Ms), { quantile: '0.95' }],
        [seconds(lately.p99Ms), { quantile: '0.99' }],
      ],
    ).concat(
      `\ncache_operation_latency_seconds_sum ${number(total.fields.readLatency.sumMs / 1000)}`,
      `\ncache_operation_latency_seconds_count ${number(total.fields.readLatency.count)}`,
    ),
    ...stateOf(snapshot),
    family('field_cache_instances', 'gauge', 'Instances that told of themselves in the last 5 minutes', [
      [instances.length],
    ]),
    family('field_cache_counted_since_timestamp_seconds', 'gauge', 'Since when is counted', [[since / 1000]]),
    family(
      'field_cache_monthly_commands',
      'gauge',
      'Billed Redis commands in 30 days such as the last 24 hours',
      [[bill.monthlyCommands]],
    ),
    family('field_cache_monthly_usd', 'gauge', 'What these would cost', [[bill.monthlyUsd]]),
    family(
      'field_cache_cron_last_run_timestamp_seconds',
      'gauge',
      'When the last run of the cron ended that was not skipped',
      lastCronRun ? [[lastCronRun.at / 1000]] : [],
    ),
  ]
}

function counters({ total: { system } }: MetricsSnapshot): string[] {
  const { redis, locks, airtable, webhooks, changes, breakerTransitions, cronRuns } = system
  const counter = (name: string, help: string, samples: readonly Sample[]) =>
    family(`field_cache_${name}`, 'counter', help, samples)
  return [
    counter('redis_commands_total', 'Redis commands as they are billed', [[redis.commands]]),
    counter('redis_requests_total', 'HTTP requests to Redis', [[redis.requests]]),
    counter('redis_bytes_total', 'Bytes of bodies sent to Redis and received', [
      [redis.bytesSent, { direction: 'sent' }],
      [redis.bytesReceived, { direction: 'received' }],
    ]),
    counter('redis_retries_total', 'Redis requests that were sent again', [[redis.retries]]),
    counter('redis_errors_total', 'Redis requests that failed, by error code', byCode(redis.errors)),
    histogram('field_cache_redis_duration_seconds', 'Duration of Redis requests', [[redis.latency, {}]]),
    counter('metrics_commands_total', 'Billed Redis commands that these metrics cost', [
      [system.metricsCommands],
    ]),
    counter(
      'breaker_transitions_total',
      'Circuit breakers that went into a state',
      BREAKER_STATES.map((to) => [breakerTransitions[to], { to }]),
    ),
    counter('locks_total', 'Locks that were asked for, and those that were lost', [
      [locks.acquired, { outcome: 'acquired' }],
      [locks.refused, { outcome: 'refused' }],
      [locks.lost, { outcome: 'lost' }],
    ]),
    counter('invalidations_total', 'Invalidations of tags, fields and patterns', [[system.invalidations]]),
    counter('airtable_requests_total', 'Requests to Airtable', [[airtable.requests]]),
    counter(
      'airtable_errors_total',
      'Requests to Airtable that failed, by error code',
      byCode(airtable.errors),
    ),
    counter(
      'webhook_events_total',
      'Pings of webhooks, changes that were read or not, webhooks that were found dead',
      Object.entries(webhooks).map(([event, count]) => [count, { event }]),
    ),
    counter(
      'changes_followed_total',
      'Fields that followed a change: by the records that were touched, or by reading everything',
      Object.entries(changes).map(([by, count]) => [count, { by }]),
    ),
    counter(
      'cron_runs_total',
      'Runs of the cron',
      CRON_OUTCOMES.map((outcome) => [cronRuns[outcome], { outcome }]),
    ),
  ]
}

function byField({ fields }: MetricsSnapshot): string[] {
  const known = Object.entries(fields)
  const each = (samples: (metrics: FieldMetrics) => readonly Sample[]): Sample[] =>
    known.flatMap(([field, metrics]) =>
      samples(metrics).map(([value, labels]) => [value, { field, ...labels }] as const),
    )
  const latencies = (of: (metrics: FieldMetrics) => Latency) =>
    known.map(([field, metrics]) => [of(metrics), { field }] as const)
  const gauge = (name: string, help: string, value: (metrics: FieldMetrics) => number | null | undefined) =>
    family(
      `field_cache_${name}`,
      'gauge',
      help,
      each((metrics) => {
        const told = value(metrics)
        return told === null || told === undefined ? [] : [[told]]
      }),
    )
  const counter = (name: string, help: string, samples: (metrics: FieldMetrics) => readonly Sample[]) =>
    family(`field_cache_${name}`, 'counter', help, each(samples))
  return [
    counter('reads_total', 'Answered reads by status', ({ total: { reads } }) =>
      FIELD_STATUSES.map((status) => [reads[status], { status }]),
    ),
    counter('reads_failed_total', 'Reads that could not be answered', ({ total }) => [[total.failedReads]]),
    histogram(
      'field_cache_read_duration_seconds',
      'Duration of answered reads',
      latencies(({ total }) => total.readLatency),
    ),
    counter('source_calls_total', 'Calls of the fetcher', ({ total }) => [[total.sourceCalls]]),
    counter('refreshes_total', 'Calls of the fetcher that ended, by reason and outcome', ({ total }) =>
      REFRESH_REASONS.flatMap((reason) =>
        REFRESH_OUTCOMES.map((outcome) => [total.refreshes[reason][outcome], { reason, outcome }] as const),
      ),
    ),
    histogram(
      'field_cache_refresh_duration_seconds',
      'Duration of calls of the fetcher',
      latencies(({ total }) => total.refreshLatency),
    ),
    counter('field_redis_commands_total', 'Billed Redis commands, shared ones in shares', ({ total }) => [
      [total.redisCommands],
    ]),
    counter('field_redis_bytes_total', 'Bytes of names and values', ({ total }) => [
      [total.redisBytesWritten, { direction: 'sent' }],
      [total.redisBytesRead, { direction: 'received' }],
    ]),
    gauge('last_success_timestamp_seconds', 'When the source answered last', ({ lastSuccess }) =>
      seconds(lastSuccess?.at),
    ),
    gauge('last_failure_timestamp_seconds', 'When the source failed last', ({ lastFailure }) =>
      seconds(lastFailure?.at),
    ),
    gauge('value_bytes', 'Size of the last value as JSON', ({ lastSuccess }) => lastSuccess?.bytes),
    gauge('value_items', 'Items of the last value, if it is a list', ({ lastSuccess }) => lastSuccess?.items),
    gauge(
      'field_monthly_usd',
      'What its Redis commands would cost in 30 days',
      ({ monthlyUsd }) => monthlyUsd,
    ),
  ]
}

const byCode = (errors: Record<string, number>): Sample[] =>
  Object.entries(errors).map(([code, count]) => [count, { code }])

function histogram(name: string, help: string, latencies: readonly (readonly [Latency, Labels])[]): string {
  const lines = latencies.flatMap(([{ buckets, sumMs, count }, labels]) => {
    let within = 0
    const cumulative = buckets.map((more, index) => {
      within += more
      const bound = BUCKETS_MS[index]
      return sample(`${name}_bucket`, [
        within,
        { ...labels, le: bound === undefined ? '+Inf' : number(bound / 1000) },
      ])
    })
    return [
      ...cumulative,
      sample(`${name}_sum`, [sumMs / 1000, labels]),
      sample(`${name}_count`, [count, labels]),
    ]
  })
  if (lines.length === 0) return ''
  return [...heading(name, 'histogram', help), ...lines].join('\n')
}

/** A gauge without a value is NaN; what has no samples is left out. */
function family(name: string, kind: Kind, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  return [...heading(name, kind, help), ...samples.map((one) => sample(name, one))].join('\n')
}

const heading = (name: string, kind: Kind, help: string): string[] => [
  `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
  `# TYPE ${name} ${kind}`,
]

function sample(name: string, [value, labels = {}]: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join()}}`} ${number(value)}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function number(value: number | null): string {
  return value === null || Number.isNaN(value) ? 'NaN' : String(Number(value.toPrecision(15)))
}

function seconds(milliseconds: number | null | undefined): number | null {
  return milliseconds === null || milliseconds === undefined ? null : milliseconds / 1000
}

/** Every metric that is counted, one row each, under the key that it has in the snapshot. A new metric is one row here. */
import { BREAKER_STATES, type EventType, type FieldCacheEvent } from '../../../shared/events'
import { ANY, counter } from '../kinds/counter'
import { histogram } from '../kinds/histogram'
import type { Metric, Table } from '../kinds/row'

/** Counted, but no reason for a report: a report causes such events itself. */
export const OWN_WORK = new Set<EventType>(['redis.requested', 'redis.retried', 'breaker.changed'])

/** Counted for each field: all their events name one, which is the label `field` in Prometheus. */
export const FIELD_METRICS = {
  reads: counter({
    stored: 'read',
    name: 'field_cache_reads_total',
    help: 'Answered reads, by status of the value',
    labels: [['status', ['hit', 'stale', 'miss', 'refreshed', 'degraded', 'cooldown']]],
    from: { 'field.read': ({ status }) => [1, status] },
  }),
  failedReads: counter({
    stored: 'unread',
    name: 'field_cache_reads_failed_total',
    help: 'Reads that ended with an error',
    from: { 'field.failed': () => [1] },
  }),
  readLatency: histogram({
    stored: 'wait',
    name: 'field_cache_read_duration_seconds',
    help: 'Duration of answered reads',
    unit: 'ms',
    from: { 'field.read': ({ durationMs }) => durationMs },
  }),
  sourceCalls: counter({
    stored: 'call',
    name: 'field_cache_source_calls_total',
    help: 'Calls of the fetcher',
    from: { 'refresh.started': () => [1] },
  }),
  /** `unstored`: the source answered. `paused`: the next one goes on from there; also `failed` when the source failed. */
  refreshes: counter({
    stored: 'refresh',
    name: 'field_cache_refreshes_total',
    help: 'Calls of the fetcher that ended, by reason and outcome',
    labels: [
      ['reason', ['miss', 'stale', 'force', 'cron', 'change']],
      ['outcome', ['stored', 'unstored', 'failed', 'paused']],
    ],
    from: {
      'refresh.finished': ({ reason, stored }) => [1, reason, stored ? 'stored' : 'unstored'],
      'refresh.failed': ({ reason }) => [1, reason, 'failed'],
      'refresh.paused': ({ reason }) => [1, reason, 'paused'],
    },
  }),
  refreshLatency: histogram({
    stored: 'took',
    name: 'field_cache_refresh_duration_seconds',
    help: 'Duration of calls of the fetcher',
    unit: 'ms',
    from: {
      'refresh.finished': ({ durationMs }) => durationMs,
      'refresh.failed': ({ durationMs }) => durationMs,
    },
  }),
  /** A fraction when reads of one tick shared a command. */
  redisCommands: counter({
    stored: 'cmd',
    name: 'field_cache_field_redis_commands_total',
    help: 'Billed Redis commands; a command that several fields share is divided among them',
    from: { 'field.charged': ({ commands }) => [commands] },
  }),
  /** Of values, tokens and leases, without key names and the JSON around them. */
  redisBytesRead: counter({
    stored: 'in',
    name: 'field_cache_field_redis_bytes_total',
    help: 'Bytes of names and values',
    fixedLabels: { direction: 'received' },
    from: { 'field.charged': ({ bytesRead }) => [bytesRead] },
  }),
  redisBytesWritten: counter({
    stored: 'out',
    name: 'field_cache_field_redis_bytes_total',
    help: 'Bytes of names and values',
    fixedLabels: { direction: 'sent' },
    from: { 'field.charged': ({ bytesWritten }) => [bytesWritten] },
  }),
} satisfies Table<Metric>

export const SYSTEM_METRICS = {
  /** All requests, failed ones included: of fields, locks, health checks, these metrics and the app itself. */
  redis: {
    /** As Upstash bills them: entries of pipelines, scripts and the calls inside scripts. */
    commands: counter({
      stored: 'redis:cmd',
      name: 'field_cache_redis_commands_total',
      help: 'Billed Redis commands',
      from: { 'redis.requested': ({ commands }) => [commands] },
    }),
    requests: counter({
      stored: 'redis:req',
      name: 'field_cache_redis_requests_total',
      help: 'HTTP requests to Redis',
      from: { 'redis.requested': ({ requests }) => [requests] },
    }),
    bytesSent: counter({
      stored: 'redis:out',
      name: 'field_cache_redis_bytes_total',
      help: 'Bytes of bodies sent to Redis and received from it',
      fixedLabels: { direction: 'sent' },
      from: { 'redis.requested': ({ bytesSent }) => [bytesSent] },
    }),
    bytesReceived: counter({
      stored: 'redis:in',
      name: 'field_cache_redis_bytes_total',
      help: 'Bytes of bodies sent to Redis and received from it',
      fixedLabels: { direction: 'received' },
      from: { 'redis.requested': ({ bytesReceived }) => [bytesReceived] },
    }),
    retries: counter({
      stored: 'redis:again',
      name: 'field_cache_redis_retries_total',
      help: 'Redis requests that were sent again',
      from: { 'redis.retried': () => [1] },
    }),
    errors: counter({
      stored: 'redis:err',
      name: 'field_cache_redis_errors_total',
      help: 'Redis requests that failed, by error code',
      labels: [['code', ANY]],
      from: { 'redis.requested': ({ code }) => (code === null ? null : [1, code]) },
    }),
    latency: histogram({
      stored: 'redis:took',
      name: 'field_cache_redis_duration_seconds',
      help: 'Duration of Redis requests',
      unit: 'ms',
      from: { 'redis.requested': ({ durationMs }) => durationMs },
    }),
  },
  /** The part of `redis.commands` that these metrics cost. No event: reporter.ts counts them. */
  metricsCommands: counter({
    stored: 'metrics',
    name: 'field_cache_metrics_commands_total',
    help: 'Billed Redis commands that these metrics cost',
    from: {},
  }),
  breakerTransitions: counter({
    stored: 'breaker',
    name: 'field_cache_breaker_transitions_total',
    help: 'Changes of circuit breakers, by the state they went into',
    labels: [['to', BREAKER_STATES]],
    from: { 'breaker.changed': ({ to }) => [1, to] },
  }),
  locks: counter({
    stored: 'lock',
    name: 'field_cache_locks_total',
    help: 'Locks that were acquired, refused or lost',
    labels: [['outcome', ['acquired', 'refused', 'lost']]],
    from: {
      'lock.acquired': () => [1, 'acquired'],
      'lock.refused': () => [1, 'refused'],
      'lock.lost': () => [1, 'lost'],
    },
  }),
  invalidations: counter({
    stored: 'invalidated',
    name: 'field_cache_invalidations_total',
    help: 'Invalidations of tags, fields and patterns',
    from: { 'field.invalidated': () => [1] },
  }),
  airtable: {
    requests: counter({
      stored: 'airtable:req',
      name: 'field_cache_airtable_requests_total',
      help: 'Requests to Airtable',
      from: { 'airtable.requested': () => [1] },
    }),
    errors: counter({
      stored: 'airtable:err',
      name: 'field_cache_airtable_errors_total',
      help: 'Requests to Airtable that failed, by error code',
      labels: [['code', ANY]],
      from: { 'airtable.requested': ({ code }) => (code === null ? null : [1, code]) },
    }),
  },
  /** `pinged`: with a valid signature. `drained`: changes were read to the end. `dead`: gone, disabled or expired. */
  webhooks: counter({
    stored: 'webhook',
    name: 'field_cache_webhook_events_total',
    help: 'Pings received, changes read (drained) or not (failed), webhooks found dead',
    labels: [['event', ['pinged', 'drained', 'failed', 'dead']]],
    from: {
      'webhook.pinged': () => [1, 'pinged'],
      'webhook.processed': () => [1, 'drained'],
      'webhook.failed': () => [1, 'failed'],
      'webhook.dead': () => [1, 'dead'],
    },
  }),
  changes: counter({
    stored: 'changed',
    name: 'field_cache_changes_followed_total',
    help: 'Fields brought up to date after a change: from the changed records, or by reading everything',
    labels: [['by', ['records', 'all']]],
    from: { 'field.synced': ({ how }) => [1, how] },
  }),
  /** `failed`: something that was due was not done. `skipped`: nothing was due, or another run was under way. */
  cronRuns: counter({
    stored: 'cron',
    name: 'field_cache_cron_runs_total',
    help: 'Runs of the cron, by outcome',
    labels: [['outcome', ['ok', 'failed', 'skipped']]],
    from: { 'cron.finished': (run) => [1, toCronOutcome(run)] },
  }),
} satisfies Table<Metric>

type CronFinished = Extract<FieldCacheEvent, { type: 'cron.finished' }>

export function toCronOutcome(run: CronFinished): 'ok' | 'failed' | 'skipped' {
  const { refreshed, fresh, unfinished, failed, webhooks } = run
  if (failed > 0 || webhooks.some(({ outcome }) => outcome === 'failed')) return 'failed'
  return refreshed + fresh + unfinished + webhooks.length > 0 ? 'ok' : 'skipped'
}

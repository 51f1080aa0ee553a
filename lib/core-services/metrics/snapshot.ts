/** What the metrics tell: plain data, the same for the page of the admin, Prometheus and whoever asks in code. */

import type { BreakerState, FieldStatus, RefreshReason } from '../../shared/events'

/** Windows end now. They begin at a full minute, that of a day at a full hour, so they are up to that much longer. */
export const WINDOWS = ['5m', '1h', '24h'] as const
export type Window = (typeof WINDOWS)[number]

export const FIELD_STATUSES = [
  'hit',
  'stale',
  'miss',
  'refreshed',
  'degraded',
  'cooldown',
] as const satisfies readonly FieldStatus[]

export const REFRESH_REASONS = [
  'miss',
  'stale',
  'force',
  'cron',
  'change',
] as const satisfies readonly RefreshReason[]

/**
 * `unstored`: the source answered, but Redis did not keep it. `paused`: what has been read so far is kept for the next
 * refresh; one that is paused because the source failed counts as `failed` besides.
 */
export const REFRESH_OUTCOMES = ['stored', 'unstored', 'failed', 'paused'] as const
export type RefreshOutcome = (typeof REFRESH_OUTCOMES)[number]

/** How a kind of work was spread over time; null where there was none. */
export interface Latency {
  count: number
  sumMs: number
  /** Interpolated within the bucket that they fall into, as Prometheus does: off by less than that bucket is wide. */
  p50Ms: number | null
  p95Ms: number | null
  p99Ms: number | null
  /** How many lasted at most as long as each of BUCKETS_MS, and not as long as the one before; the last: longer. */
  buckets: readonly number[]
}

/** What fields did: one of them, or all together. */
export interface FieldTraffic {
  /** Answered reads, by what they were answered with. */
  reads: Record<FieldStatus, number>
  /** Reads that could not be answered at all. */
  failedReads: number
  /**
   * From 0 to 1: answers that did not wait for the source (`hit`, `stale`, `cooldown`), of all reads but those that were
   * forced. Null without any.
   */
  hitRate: number | null
  /** Of answered reads, by the clock of their caller. */
  readLatency: Latency
  /** Calls of the fetcher. */
  sourceCalls: number
  refreshes: Record<RefreshReason, Record<RefreshOutcome, number>>
  /** Of calls of the fetcher, whatever came of them. */
  refreshLatency: Latency
  /**
   * What reads and refreshes cost in Redis, in billed commands. Reads of one tick share one command, which is split
   * among them: so this may be a fraction.
   */
  redisCommands: number
  /** Bytes of values, tokens and leases that were read from Redis, and written to it; without names and JSON around. */
  redisBytesRead: number
  redisBytesWritten: number
}

/** What the process does beside its fields, or below them. */
export interface SystemTraffic {
  /** All requests to Redis: those of fields, locks, health checks, these metrics and of the app itself. */
  redis: {
    /** As Upstash bills them: entries of pipelines, scripts and the calls inside scripts. */
    commands: number
    requests: number
    /** Of bodies, as they went over the wire. */
    bytesSent: number
    bytesReceived: number
    retries: number
    /** Requests that failed, by the code of their error. */
    errors: Record<string, number>
    /** Of requests, those that failed included. */
    latency: Latency
  }
  /** What of `redis.commands` these metrics cost themselves. */
  metricsCommands: number
  /** How often the circuit breaker of a process went into that state. */
  breakerTransitions: Record<BreakerState, number>
  locks: { acquired: number; refused: number; lost: number }
  invalidations: number
  airtable: {
    requests: number
    /** Requests that failed, by the code of their error. */
    errors: Record<string, number>
  }
  webhooks: {
    /** Pings that were Airtable's. */
    pinged: number
    /** How often what had changed was read to its end, and how often that failed. */
    drained: number
    failed: number
    /** Webhooks that were found gone, disabled or expired. */
    dead: number
  }
  /** Fields that followed a change: by the records that were touched, or by reading everything. */
  changes: { records: number; all: number }
  /** Runs of the cron by outcome; `skipped`: there was nothing that it could have done, or another one was under way. */
  cronRuns: Record<CronOutcome, number>
}

export const CRON_OUTCOMES = ['ok', 'failed', 'skipped'] as const
/** `failed`: at least one field was not refreshed, or one webhook not looked after, that should have been. */
export type CronOutcome = (typeof CRON_OUTCOMES)[number]

export interface Traffic {
  fields: FieldTraffic
  system: SystemTraffic
}

export interface FieldMetrics {
  total: FieldTraffic
  windows: Record<Window, FieldTraffic>
  /** The last value that the source gave: when it came, ms since 1970. */
  lastSuccess: {
    at: number
    reason: RefreshReason
    durationMs: number
    /** Of its JSON. */
    bytes: number
    /** How many items a list has; null for every other value. */
    items: number | null
    stored: boolean
  } | null
  /** The last refresh that failed; `code` is that of the error or its cause, such as AIRTABLE_TIMEOUT. Not cleared by a success. */
  lastFailure: { at: number; reason: RefreshReason; durationMs: number; code: string } | null
  /**
   * The last value that was made although some records could not be taken as they are: how many could not be read, how
   * many cells hold an error of a formula, and ids of some of these records. Not cleared by a later value; absent as long as
   * there is none.
   */
  lastFlaws?: { at: number; unreadable: number; errors: number; ids: readonly string[] }
  /** What its commands would cost in 30 days such as the last 24 hours; null as long as less than 10 minutes are known. */
  monthlyUsd: number | null
}

/** One process that serves the app, as it was when it told of itself last. */
export interface InstanceMetrics {
  /** Drawn at its start. */
  id: string
  /** When it told of itself, ms since 1970. */
  seenAt: number
  startedAt: number
  breaker: BreakerState
  /** Locks that it held. */
  locks: number
}

/** One bar of a plot. */
export interface SeriesPoint {
  /** When it begins, ms since 1970. The last one is not over yet. */
  at: number
  /** How long it is, in seconds: 60 or 3,600. */
  seconds: number
  reads: number
  hitRate: number | null
  /** Of reads. */
  p50Ms: number | null
  p95Ms: number | null
  sourceCalls: number
  /** Calls of the source that failed. */
  sourceFailures: number
  redisCommands: number
  redisErrors: number
}

export interface CronRun {
  /** When it ended, ms since 1970. */
  at: number
  outcome: Exclude<CronOutcome, 'skipped'>
  durationMs: number
  refreshed: number
  fresh: number
  skipped: number
  failed: number
  /** Fields that go on in the next run. */
  unfinished: number
}

export interface MetricsSnapshot {
  /** False while CACHE_METRICS_ENABLED is off: then every number is 0. */
  enabled: boolean
  /**
   * `deployment`: the sum over all instances, and over those that are gone. An instance tells after an answer once 15 s
   * have passed, 60 s while it sends next to nothing to Redis, so it may be that much further. `process`: Redis could
   * not be asked, so this is what this process alone has not handed over yet.
   */
  scope: 'deployment' | 'process'
  /** Absent while Redis takes the writes of this process: with which code it refuses them, and since when. */
  refusedWrites?: { code: string; since: number }
  /** Ms since 1970. */
  takenAt: number
  /** Since when is counted, ms since 1970. */
  since: number
  total: Traffic
  windows: Record<Window, Traffic>
  /** By name; whatever has no proper name, or came when 100 were known, is under `other`. */
  fields: Record<string, FieldMetrics>
  /** Those that told of themselves in the last 5 minutes, the latest first. */
  instances: readonly InstanceMetrics[]
  /** The worst of all instances: `open` before `half-open` before `closed`. */
  breaker: BreakerState
  /** The sum over all instances. */
  activeLocks: number
  /** The last run that was not skipped; null if there was none. */
  lastCronRun: CronRun | null
  /** Oldest first, without gaps: 60 minutes and 24 hours, and the one that is under way. */
  series: { minutes: readonly SeriesPoint[]; hours: readonly SeriesPoint[] }
  bill: {
    /** In 30 days such as the last 24 hours; null as long as less than 10 minutes are known. */
    monthlyCommands: number | null
    monthlyUsd: number | null
    usdPer100kCommands: number
  }
  /** The same as in `windows`, under the names of the app that this one grew out of. */
  performance: {
    /** In the last 5 minutes; 0 without reads. */
    hitRate: number
    /** Failed reads among all in the last 5 minutes, from 0 to 1. */
    errorRate: number
    operationsPerSecond: number
    p95LatencyMs: number
    p99LatencyMs: number
  }
}

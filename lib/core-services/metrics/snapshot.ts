/** What metrics look like to those who read them: plain data for the admin page, Prometheus and code. */
import type { BreakerState } from '../../shared/events'
import type { FIELD_METRICS, SYSTEM_METRICS } from './table/counters'
import type { CronRun, LastFailure, LastFlaws, LastSuccess } from './table/lastEvents'
import type { Values } from './table/metric'

/** Windows end now and begin at a full minute, or a full hour for `24h`: they are up to that much longer than they say. */
export const WINDOWS = ['5m', '1h', '24h'] as const
export type Window = (typeof WINDOWS)[number]

/** What one field did, or all fields together: the rows of the table and what follows from them. */
export type FieldTraffic = Values<typeof FIELD_METRICS> & {
  /**
   * From 0 to 1: the share of reads that did not wait for the source (`hit`, `stale`, `cooldown`), without forced reads.
   * Null without any.
   */
  hitRate: number | null
}

/** What processes did apart from their fields. */
export type SystemTraffic = Values<typeof SYSTEM_METRICS>

export interface Traffic {
  fields: FieldTraffic
  system: SystemTraffic
}

export interface FieldMetrics {
  total: FieldTraffic
  windows: Record<Window, FieldTraffic>
  /** The last value that the source delivered. */
  lastSuccess: LastSuccess | null
  /** The last refresh that failed. A later success does not clear it. */
  lastFailure: LastFailure | null
  /** The last value that was made although some records were flawed. A later value does not clear it; absent without any. */
  lastFlaws?: LastFlaws
  /** The price of its commands in 30 days at the rate of the last 24 hours; null while less than 10 minutes are known. */
  monthlyUsd: number | null
}

/** One process that serves the app, as it last reported. */
export interface InstanceMetrics {
  /** Random, chosen at its start. */
  id: string
  /** When it last reported, ms since 1970. */
  seenAt: number
  startedAt: number
  breaker: BreakerState
  /** Locks that it held then. */
  locks: number
}

/** One bar of a plot. */
export interface SeriesPoint {
  /** When it begins, ms since 1970. The last bar is not complete yet. */
  at: number
  /** Its length in seconds: 60 or 3,600. */
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

export interface MetricsSnapshot {
  /** False while CACHE_METRICS_ENABLED is off: then every number is 0. */
  enabled: boolean
  /**
   * `deployment`: the sum over all instances, past ones included. It is up to 15 s behind, and up to 60 s for instances
   * that send few commands to Redis. `process`: Redis could not be reached, so these are only the counts that this process
   * has not reported yet.
   */
  scope: 'deployment' | 'process'
  /** Error code with which Redis refuses the writes of this process, and since when. Absent while it takes them. */
  refusedWrites?: { code: string; since: number }
  /** When the snapshot was made, ms since 1970. */
  takenAt: number
  /** When counting began, ms since 1970. */
  since: number
  total: Traffic
  windows: Record<Window, Traffic>
  /** By name. Fields without a proper name, and those beyond the first 100 of a process, are under `other`. */
  fields: Record<string, FieldMetrics>
  /** Those that reported in the last 5 minutes, the latest first. */
  instances: readonly InstanceMetrics[]
  /** The worst of all instances: `open` before `half-open` before `closed`. */
  breaker: BreakerState
  /** The sum over all instances. */
  activeLocks: number
  /** The last run that was not skipped; null without any. */
  lastCronRun: CronRun | null
  /** Oldest first, without gaps: 60 minutes and 24 hours, then the current minute or hour. */
  series: { minutes: readonly SeriesPoint[]; hours: readonly SeriesPoint[] }
  bill: {
    /** In 30 days at the rate of the last 24 hours; null while less than 10 minutes are known. */
    monthlyCommands: number | null
    monthlyUsd: number | null
    usdPer100kCommands: number
  }
  /** Numbers of the last 5 minutes under the names that monitoring of the app's forerunners reads. */
  performance: {
    /** 0 without reads. */
    hitRate: number
    /** The share of reads that failed, from 0 to 1. */
    errorRate: number
    operationsPerSecond: number
    p95LatencyMs: number
    p99LatencyMs: number
  }
}

/** What the metrics tell: plain data, the same for the page of the admin, Prometheus and whoever asks in code. */

import type { BreakerState } from '../../shared/events'
import type { FIELD_METRICS, SYSTEM_METRICS } from './table/counters'
import type { CronRun, LastFailure, LastFlaws, LastSuccess } from './table/lastEvents'
import type { Values } from './table/metric'

/** Windows end now. They begin at a full minute, that of a day at a full hour, so they are up to that much longer. */
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

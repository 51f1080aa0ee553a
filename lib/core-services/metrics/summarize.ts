/** Makes a snapshot of what is stored. Pure: no clock, no requests. */

import type { BreakerState, RefreshReason } from '../../shared/events'
import { emptyFieldTraffic, type TrafficByField, trafficOf } from './aggregate'
import { add, emptyTally, nameOf, noted, type Tally } from './counts'
import type { Slot, StoredMetrics } from './metricsStore'
import {
  type CronRun,
  type FieldMetrics,
  type InstanceMetrics,
  type MetricsSnapshot,
  type SeriesPoint,
  type Traffic,
  WINDOWS,
  type Window,
} from './snapshot'

/** What Upstash takes for 100,000 commands in US dollars, pay as you go, in one region (upstash.com/pricing, 2026-08). */
const USD_PER_100K_COMMANDS = 0.2
const MONTH_MS = 30 * 86_400_000
/** From less than this nothing is said about a month, in ms. */
const LEAST_KNOWN_MS = 600_000
/** An instance that told nothing for longer is not listed, in ms. */
const LISTED_MS = 300_000
/** How many slots each window has besides the one that is under way. */
const SLOTS: Record<Window, number> = { '5m': 5, '1h': 60, '24h': 24 }

export type Scope = Pick<MetricsSnapshot, 'enabled' | 'scope' | 'refusedWrites'>

/** `own`: the process that asks, as it is now; it may have told nothing yet. */
export function summarize(
  stored: StoredMetrics,
  own: InstanceMetrics,
  now: number,
  scope: Scope,
): MetricsSnapshot {
  const since = stored.since ?? own.startedAt
  const total = trafficOf(stored.total.sums)
  const windows = byWindow((window) => trafficOf(sumsOf(slotsOf(stored, window))))
  const minutes = stored.minutes.map(pointOf)
  const hours = stored.hours.map(pointOf)
  const instances = instancesOf(stored, own, now)
  const billed = billOf(stored, now, since)
  const lately = windows['5m'].fields
  return {
    ...scope,
    takenAt: now,
    since,
    total: withoutFields(total),
    windows: byWindow((window) => withoutFields(windows[window])),
    fields: Object.fromEntries(
      [...total.byField].map(([name, traffic]) => [
        name,
        {
          total: traffic,
          windows: byWindow((window) => windows[window].byField.get(name) ?? emptyFieldTraffic()),
          ...lastOf(stored.total, name),
          monthlyUsd: billed(windows['24h'].byField.get(name)?.redisCommands ?? 0).usd,
        },
      ]),
    ),
    instances,
    breaker: worst(instances.map(({ breaker }) => breaker)),
    activeLocks: instances.reduce((sum, { locks }) => sum + locks, 0),
    lastCronRun: cronRunOf(stored.total),
    series: { minutes, hours },
    bill: {
      monthlyCommands: billed(windows['24h'].system.redis.commands).commands,
      monthlyUsd: billed(windows['24h'].system.redis.commands).usd,
      usdPer100kCommands: USD_PER_100K_COMMANDS,
    },
    performance: {
      hitRate: lately.hitRate ?? 0,
      errorRate: lately.failedReads / Math.max(1, readsOf(lately.reads) + lately.failedReads),
      operationsPerSecond: readsOf(lately.reads) / secondsOf(stored, '5m', now, since),
      p95LatencyMs: lately.readLatency.p95Ms ?? 0,
      p99LatencyMs: lately.readLatency.p99Ms ?? 0,
    },
  }
}

function byWindow<T>(of: (window: Window) => T): Record<Window, T> {
  return Object.fromEntries(WINDOWS.map((window) => [window, of(window)])) as Record<Window, T>
}

function slotsOf({ minutes, hours }: StoredMetrics, window: Window): readonly Slot[] {
  return (window === '24h' ? hours : minutes).slice(-(SLOTS[window] + 1))
}

function sumsOf(slots: readonly Slot[]): Tally['sums'] {
  const tally = emptyTally()
  for (const { sums } of slots) for (const [name, amount] of sums) add(tally, name, amount)
  return tally.sums
}

const withoutFields = ({ fields, system }: TrafficByField): Traffic => ({ fields, system })

const readsOf = (reads: Record<string, number>): number =>
  Object.values(reads).reduce((sum, count) => sum + count, 0)

/** How much of a window is known, in s. */
function secondsOf(stored: StoredMetrics, window: Window, now: number, since: number): number {
  const begin = Math.max(slotsOf(stored, window)[0]?.at ?? now, since)
  return Math.max(1, (now - begin) / 1000)
}

function billOf(stored: StoredMetrics, now: number, since: number) {
  const knownMs = secondsOf(stored, '24h', now, since) * 1000
  return (commands: number): { commands: number | null; usd: number | null } => {
    if (knownMs < LEAST_KNOWN_MS) return { commands: null, usd: null }
    const monthly = (commands * MONTH_MS) / knownMs
    return { commands: Math.round(monthly), usd: (monthly / 100_000) * USD_PER_100K_COMMANDS }
  }
}

function lastOf(
  total: Tally,
  field: string,
): Pick<FieldMetrics, 'lastSuccess' | 'lastFailure' | 'lastFlaws'> {
  const success = noted(total, nameOf('success', field))
  const failure = noted(total, nameOf('failure', field))
  const flawed = noted(total, nameOf('flawed', field))
  return {
    lastSuccess: success && successOf(success),
    lastFailure: failure && failureOf(failure),
    ...(flawed && { lastFlaws: flawsOf(flawed) }),
  }
}

type Noted = [at: number, ...rest: string[]]

function successOf([at, reason, durationMs, bytes, items, outcome]: Noted): FieldMetrics['lastSuccess'] {
  return {
    at,
    reason: reason as RefreshReason,
    durationMs: Number(durationMs),
    bytes: Number(bytes),
    items: items === '' ? null : Number(items),
    stored: outcome === 'stored',
  }
}

function failureOf([at, reason, durationMs, code = 'UNKNOWN']: Noted): FieldMetrics['lastFailure'] {
  return { at, reason: reason as RefreshReason, durationMs: Number(durationMs), code }
}

function flawsOf([at, unreadable, errors, ...ids]: Noted): NonNullable<FieldMetrics['lastFlaws']> {
  return { at, unreadable: Number(unreadable), errors: Number(errors), ids }
}

function cronRunOf(total: Tally): CronRun | null {
  const last = noted(total, 'cron')
  if (!last) return null
  const [at, ...rest] = last
  const [outcome, ...counts] = rest
  const [durationMs = 0, refreshed = 0, fresh = 0, skipped = 0, failed = 0, unfinished = 0] =
    counts.map(Number)
  const ended = { at, outcome: outcome as CronRun['outcome'], durationMs }
  return { ...ended, refreshed, fresh, skipped, failed, unfinished }
}

function instancesOf({ live }: StoredMetrics, own: InstanceMetrics, now: number): InstanceMetrics[] {
  const others = [...live].flatMap(([id, { seenAt, state }]) => {
    const [startedAt, breaker, locks] = state
    if (id === own.id || now - seenAt > LISTED_MS) return []
    return [
      { id, seenAt, startedAt: Number(startedAt), breaker: breaker as BreakerState, locks: Number(locks) },
    ]
  })
  return [own, ...others].sort((a, b) => b.seenAt - a.seenAt)
}

function worst(states: readonly BreakerState[]): BreakerState {
  return (['open', 'half-open'] as const).find((state) => states.includes(state)) ?? 'closed'
}

function pointOf({ at, seconds, sums }: Slot): SeriesPoint {
  const { fields, system } = trafficOf(sums)
  const failed = Object.values(fields.refreshes).reduce((sum, outcomes) => sum + outcomes.failed, 0)
  const errors = readsOf(system.redis.errors)
  return {
    at,
    seconds,
    reads: readsOf(fields.reads),
    hitRate: fields.hitRate,
    p50Ms: fields.readLatency.p50Ms,
    p95Ms: fields.readLatency.p95Ms,
    sourceCalls: fields.sourceCalls,
    sourceFailures: failed,
    redisCommands: system.redis.commands,
    redisErrors: errors,
  }
}

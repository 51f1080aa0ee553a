/** Makes a snapshot from what is stored. Pure: no clock, no requests. */
import type { BreakerState } from '../../shared/events'
import { aggregate, aggregateByField, toFieldTraffic } from './aggregate'
import { type Counts, getLast, increase, toName } from './counts'
import type { Slot, StoredMetrics } from './metricsStore'
import {
  type FieldMetrics,
  type InstanceMetrics,
  type MetricsSnapshot,
  type SeriesPoint,
  WINDOWS,
  type Window,
} from './snapshot'
import { FIELD_LAST, type LastEvent, SYSTEM_LAST } from './table/lastEvents'

/** US dollars for 100,000 commands at Upstash, pay as you go, one region (upstash.com/pricing, 2026-08). */
const USD_PER_100K_COMMANDS = 0.2
const MONTH_MS = 30 * 86_400_000
/** How much must be known before a month is estimated from it, in ms. */
const MIN_KNOWN_MS = 600_000
/** An instance is listed until this long after its last report, in ms. */
const LISTED_MS = 300_000
/** How many complete slots each window has; the current one comes on top. */
const SLOTS: Record<Window, number> = { '5m': 5, '1h': 60, '24h': 24 }

export type Scope = Pick<MetricsSnapshot, 'enabled' | 'scope' | 'refusedWrites'>

/** `own`: this process as it is now. It may not have reported yet. */
export function summarize(
  stored: StoredMetrics,
  own: InstanceMetrics,
  now: number,
  scope: Scope,
): MetricsSnapshot {
  const since = stored.since ?? own.startedAt
  const sums = byWindow((window) => addSlots(getSlots(stored, window)))
  const windows = byWindow((window) => aggregate(sums[window]))
  const fieldWindows = byWindow((window) => aggregateByField(sums[window]))
  const minutes = stored.minutes.map(toPoint)
  const hours = stored.hours.map(toPoint)
  const instances = listInstances(stored, own, now)
  const toMonth = monthlyRate(stored, now, since)
  const lastMinutes = windows['5m'].fields
  return {
    ...scope,
    takenAt: now,
    since,
    total: aggregate(stored.total.sums),
    windows,
    fields: Object.fromEntries(
      [...aggregateByField(stored.total.sums)].map(([name, traffic]) => [
        name,
        {
          total: traffic,
          windows: byWindow((window) => fieldWindows[window].get(name) ?? toFieldTraffic(new Map())),
          ...parseLastOfField(stored.total, name),
          monthlyUsd: toMonth(fieldWindows['24h'].get(name)?.redisCommands ?? 0).usd,
        },
      ]),
    ),
    instances,
    breaker: findWorst(instances.map(({ breaker }) => breaker)),
    activeLocks: instances.reduce((sum, { locks }) => sum + locks, 0),
    lastCronRun: parseLast(SYSTEM_LAST.lastCronRun, stored.total),
    series: { minutes, hours },
    bill: {
      monthlyCommands: toMonth(windows['24h'].system.redis.commands).commands,
      monthlyUsd: toMonth(windows['24h'].system.redis.commands).usd,
      usdPer100kCommands: USD_PER_100K_COMMANDS,
    },
    performance: {
      hitRate: lastMinutes.hitRate ?? 0,
      errorRate: lastMinutes.failedReads / Math.max(1, sum(lastMinutes.reads) + lastMinutes.failedReads),
      operationsPerSecond: sum(lastMinutes.reads) / knownSeconds(stored, '5m', now, since),
      p95LatencyMs: lastMinutes.readLatency.p95Ms ?? 0,
      p99LatencyMs: lastMinutes.readLatency.p99Ms ?? 0,
    },
  }
}

function byWindow<T>(get: (window: Window) => T): Record<Window, T> {
  return Object.fromEntries(WINDOWS.map((window) => [window, get(window)])) as Record<Window, T>
}

function getSlots({ minutes, hours }: StoredMetrics, window: Window): readonly Slot[] {
  return (window === '24h' ? hours : minutes).slice(-(SLOTS[window] + 1))
}

function addSlots(slots: readonly Slot[]): Counts['sums'] {
  const total = new Map<string, number>()
  for (const { sums } of slots) for (const [name, amount] of sums) increase(total, name, amount)
  return total
}

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

/** The part of a window since counting began, in seconds. */
function knownSeconds(stored: StoredMetrics, window: Window, now: number, since: number): number {
  const begin = Math.max(getSlots(stored, window)[0]?.at ?? now, since)
  return Math.max(1, (now - begin) / 1000)
}

/** Scales the commands of the last 24 hours to 30 days. */
function monthlyRate(stored: StoredMetrics, now: number, since: number) {
  const knownMs = knownSeconds(stored, '24h', now, since) * 1000
  return (commands: number): { commands: number | null; usd: number | null } => {
    if (knownMs < MIN_KNOWN_MS) return { commands: null, usd: null }
    const monthly = (commands * MONTH_MS) / knownMs
    return { commands: Math.round(monthly), usd: (monthly / 100_000) * USD_PER_100K_COMMANDS }
  }
}

function parseLastOfField(
  total: Counts,
  field: string,
): Pick<FieldMetrics, 'lastSuccess' | 'lastFailure' | 'lastFlaws'> {
  const lastFlaws = parseLast(FIELD_LAST.lastFlaws, total, field)
  return {
    lastSuccess: parseLast(FIELD_LAST.lastSuccess, total, field),
    lastFailure: parseLast(FIELD_LAST.lastFailure, total, field),
    ...(lastFlaws && { lastFlaws }),
  }
}

function parseLast<T>({ stored, parse }: LastEvent<T>, total: Counts, ...field: string[]): T | null {
  const last = getLast(total, toName(stored, ...field))
  return last && parse(...last)
}

function listInstances({ live }: StoredMetrics, own: InstanceMetrics, now: number): InstanceMetrics[] {
  const others = [...live].flatMap(([id, { seenAt, state }]) => {
    const [startedAt, breaker, locks] = state
    if (id === own.id || now - seenAt > LISTED_MS) return []
    return [
      { id, seenAt, startedAt: Number(startedAt), breaker: breaker as BreakerState, locks: Number(locks) },
    ]
  })
  return [own, ...others].sort((a, b) => b.seenAt - a.seenAt)
}

function findWorst(states: readonly BreakerState[]): BreakerState {
  return (['open', 'half-open'] as const).find((state) => states.includes(state)) ?? 'closed'
}

function toPoint({ at, seconds, sums }: Slot): SeriesPoint {
  const { fields, system } = aggregate(sums)
  const failed = Object.values(fields.refreshes).reduce((total, outcomes) => total + outcomes.failed, 0)
  return {
    at,
    seconds,
    reads: sum(fields.reads),
    hitRate: fields.hitRate,
    p50Ms: fields.readLatency.p50Ms,
    p95Ms: fields.readLatency.p95Ms,
    sourceCalls: fields.sourceCalls,
    sourceFailures: failed,
    redisCommands: system.redis.commands,
    redisErrors: sum(system.redis.errors),
  }
}

/** What metrics look like to the admin page, Prometheus and code: plain data, made from what is stored. Pure. */
import type { BreakerState } from '../../shared/events'
import { addUp, emptyCounts, increase, type Sums } from './counts'
import { listRows, type Metric, toValues } from './kinds/row'
import type { InstanceMetrics, Slot, StoredMetrics } from './metricsStore'
import { FIELD_LAST, SYSTEM_LAST } from './table/lastEvents'
import { FIELD_METRICS, SYSTEM_METRICS } from './table/metrics'

/** US dollars for 100,000 commands at Upstash, pay as you go, one region (upstash.com/pricing, 2026-08). */
const USD_PER_100K_COMMANDS = 0.2
const MONTH_MS = 30 * 86_400_000
/** How much must be known before a month is estimated from it, in ms. */
const MIN_KNOWN_MS = 600_000
/** An instance is listed until this long after its last report, in ms. */
const LISTED_MS = 300_000

export type MetricsSnapshot = ReturnType<typeof summarize>
export type FieldMetrics = MetricsSnapshot['fields'][string]
export type SeriesPoint = ReturnType<typeof toPoint>
/** What happened to all fields together, and apart from them. */
export type Traffic = ReturnType<typeof aggregate>

export interface Scope {
  /** False while CACHE_METRICS_ENABLED is off: then every number is 0. */
  enabled: boolean
  /**
   * `deployment`: the sum over all instances, past ones included, up to 15 s behind, and 60 s for quiet ones. `process`:
   * Redis could not be reached, so these are only the counts that this process has not reported yet.
   */
  scope: 'deployment' | 'process'
  /** Error code with which Redis refuses the writes of this process, and since when. Absent while it takes them. */
  refusedWrites?: { code: string; since: number }
}

/** `own`: this process as it is now, reported or not. `now`: in ms since 1970, as are all times. `since`: when counting began. */
export function summarize(stored: StoredMetrics, own: InstanceMetrics, now: number, scope: Scope) {
  const since = stored.since ?? own.startedAt
  /** The current slot and the complete ones before it: up to a minute or an hour more than the name says. */
  const slots = { '5m': stored.minutes.slice(-6), '1h': stored.minutes, '24h': stored.hours }
  const sums = mapWindows(slots, (window) => addUp(window.map((slot) => slot.sums)))
  const windows = mapWindows(sums, aggregate)
  const instances = listInstances(stored, own, now)
  const knownMs = ([oldest]: readonly Slot[]) => Math.max(1_000, now - Math.max(oldest?.at ?? now, since))
  const dayMs = knownMs(slots['24h'])
  /** At the rate of the last 24 hours; null while less than 10 minutes are known. */
  const toMonth = (commands: number): number | null =>
    dayMs < MIN_KNOWN_MS ? null : (commands * MONTH_MS) / dayMs

  function summarizeField(name: string) {
    const traffic = mapWindows(sums, (window) => toFieldTraffic(window, name))
    const { lastFlaws, ...last } = toValues(FIELD_LAST, stored.total, name)
    return {
      total: toFieldTraffic(stored.total.sums, name),
      windows: traffic,
      ...last,
      ...(lastFlaws && { lastFlaws }),
      monthlyUsd: toUsd(toMonth(traffic['24h'].redisCommands)),
    }
  }

  const monthlyCommands = toMonth(windows['24h'].system.redis.commands)
  const { reads, failedReads, hitRate, readLatency } = windows['5m'].fields
  return {
    ...scope,
    takenAt: now,
    since,
    total: aggregate(stored.total.sums),
    windows,
    /** By name. Fields without a proper name, and those beyond the first 100 of a process, are under `other`. */
    fields: Object.fromEntries(listFields(stored.total.sums).map((name) => [name, summarizeField(name)])),
    /** Those that reported in the last 5 minutes, the latest first. */
    instances,
    breaker: findWorst(instances.map(({ breaker }) => breaker)),
    activeLocks: instances.reduce((total, { locks }) => total + locks, 0),
    ...toValues(SYSTEM_LAST, stored.total),
    /** Oldest first, without gaps: 60 minutes and 24 hours, then the current minute or hour. */
    series: { minutes: stored.minutes.map(toPoint), hours: stored.hours.map(toPoint) },
    bill: {
      monthlyCommands: monthlyCommands && Math.round(monthlyCommands),
      monthlyUsd: toUsd(monthlyCommands),
      usdPer100kCommands: USD_PER_100K_COMMANDS,
    },
    /** Numbers of the last 5 minutes under the names that monitoring of the app's forerunners reads; 0 without reads. */
    performance: {
      hitRate: hitRate ?? 0,
      errorRate: failedReads / Math.max(1, sum(reads) + failedReads),
      operationsPerSecond: sum(reads) / (knownMs(slots['5m']) / 1000),
      p95LatencyMs: readLatency.p95Ms ?? 0,
      p99LatencyMs: readLatency.p99Ms ?? 0,
    },
  }
}

const mapWindows = <A, B>(windows: Record<'5m' | '1h' | '24h', A>, map: (window: A) => B) => ({
  '5m': map(windows['5m']),
  '1h': map(windows['1h']),
  '24h': map(windows['24h']),
})

const sum = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

const toUsd = (commands: number | null): number | null =>
  commands === null ? null : (commands / 100_000) * USD_PER_100K_COMMANDS

const FIELD_COUNTS = new Set(listRows<Metric>(FIELD_METRICS).map(({ stored }) => stored))

/** The counts of fields; `name`: without the field, which is its second part. */
function* listFieldCounts(sums: Sums): Generator<{ field: string; name: string; amount: number }> {
  for (const [fullName, amount] of sums) {
    const [stored = '', field = ''] = fullName.split(':', 2)
    if (!FIELD_COUNTS.has(stored)) continue
    yield { field, name: stored + fullName.slice(stored.length + 1 + field.length), amount }
  }
}

export const listFields = (sums: Sums): string[] =>
  [...new Set(Array.from(listFieldCounts(sums), ({ field }) => field))].map(decodeURIComponent)

export function aggregate(sums: Sums) {
  const fields = new Map<string, number>()
  for (const { name, amount } of listFieldCounts(sums)) increase(fields, name, amount)
  return { fields: toFieldTraffic(fields), system: toValues(SYSTEM_METRICS, { ...emptyCounts(), sums }) }
}

/** Without `field`: of sums under names without a field. */
export function toFieldTraffic(sums: Sums, ...field: string[]) {
  const values = toValues(FIELD_METRICS, { ...emptyCounts(), sums }, ...field)
  const { hit, stale, cooldown, miss, degraded } = values.reads
  const unforced = hit + stale + cooldown + miss + degraded + values.failedReads
  return {
    ...values,
    /** From 0 to 1: the share of reads that did not wait for the source, without forced reads. Null without any. */
    hitRate: unforced === 0 ? null : (hit + stale + cooldown) / unforced,
  }
}

function listInstances({ live }: StoredMetrics, own: InstanceMetrics, now: number): InstanceMetrics[] {
  const others = live.filter(({ id, seenAt }) => id !== own.id && now - seenAt <= LISTED_MS)
  return [own, ...others].sort((a, b) => b.seenAt - a.seenAt)
}

const findWorst = (states: readonly BreakerState[]): BreakerState =>
  (['open', 'half-open'] as const).find((state) => states.includes(state)) ?? 'closed'

/** One bar of a plot. It begins at `at`; the last one is not complete yet. */
function toPoint({ at, seconds, sums }: Slot) {
  const { fields, system } = aggregate(sums)
  return {
    at,
    seconds,
    reads: sum(fields.reads),
    hitRate: fields.hitRate,
    p50Ms: fields.readLatency.p50Ms,
    p95Ms: fields.readLatency.p95Ms,
    sourceCalls: fields.sourceCalls,
    sourceFailures: Object.values(fields.refreshes).reduce((total, { failed }) => total + failed, 0),
    redisCommands: system.redis.commands,
    redisErrors: sum(system.redis.errors),
  }
}

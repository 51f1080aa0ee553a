/** One field as the admin page shows it. */
import type { AnyField } from '../core-services/cache/fields/fieldConfig'
import type { FieldCondition, FieldState } from '../core-services/cache/operations/fieldStates'
import {
  type AllRun,
  type FieldRun,
  type GoodRun,
  isUnderWay,
  type RunFailure,
  toGoodRun,
} from '../core-services/cache/operations/refreshLog'
import type { FieldMetrics } from '../core-services/metrics/snapshot'

/** `failing`: the last attempt to renew it failed, even if readers still get an older value. */
export type RowStatus = 'fresh' | 'stale' | 'expired' | 'never-fetched' | 'failing' | 'refreshing' | 'unknown'

export interface FieldRow {
  name: string
  status: RowStatus
  /** Null when Redis cannot be reached. */
  condition: FieldCondition | null
  /** Whole seconds since the fetch of the value began; null without one. */
  age: number | null
  /** How long a value is fresh, in seconds; null: forever. */
  ttl: number | null
  /** Whole seconds until it is no longer fresh, negative after that; null: forever, or no value. */
  freshFor: number | null
  /** Size of the stored entry in Redis. */
  storedBytes: number
  /** An instance fetches it for a reader. */
  fetching: boolean
  /** Error code because of which no instance calls the source for now. */
  cooling: string | null
  /** By hand. */
  run: RunRow | null
  lastSuccess: GoodRun | null
  lastFailure: Failure | null
  /** Flawed records, while they may still be flawed. */
  flaws?: Flaws
  /** The last 24 hours of all instances; null while nothing was counted. */
  traffic: FieldDay | null
}

interface FieldDay {
  reads: number
  /** From 0 to 1: the share of reads that did not wait for the source; null without reads. */
  hitRate: number | null
  /** 95 of 100 reads were answered within this time, in ms; null without reads. */
  p95Ms: number | null
  sourceCalls: number
  /** Billed commands, for reads and refreshes. */
  redisCommands: number
  /** The price of 30 such days in US dollars; null while too little is known. */
  monthlyUsd: number | null
}

export interface RunRow {
  /** `cut-off`: its process ended before the refresh did. */
  state: 'running' | 'cut-off' | NonNullable<FieldRun['outcome']>
  startedAt: number
  endedAt: number | null
  durationMs: number | null
  items: number | null
  /** How far the source was read, if that takes more than one refresh. */
  progress: string | null
}

type Flaws = NonNullable<FieldMetrics['lastFlaws']>

const DAY_SECONDS = 86_400

interface Failure extends Omit<RunFailure, 'message'> {
  at: number
  message: string | null
}

export interface AllRow {
  state: 'running' | 'cut-off' | 'ended'
  startedAt: number
  endedAt: number | null
  total: number
  done: number
  current: string | null
  outcomes: AllRun['outcomes']
}

export function fieldRow({
  field,
  state,
  run,
  metrics,
  now,
}: {
  field: AnyField
  state: FieldState | null
  run: FieldRun | null
  metrics: FieldMetrics | null
  /** In ms since 1970. */
  now: number
}): FieldRow {
  const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000)
  const { fetchedAt = null, freshUntil = null } = state ?? {}
  const lastSuccess = latestSuccess(state, run, metrics)
  const lastFailure = latestFailure(run, metrics)
  const flaws = currentFlaws(field, metrics, now)
  const row = {
    name: field.name,
    condition: state?.condition ?? null,
    age: fetchedAt === null ? null : Math.max(0, seconds(now - fetchedAt)),
    ttl: field.ttl === 'forever' ? null : field.ttl,
    freshFor: freshUntil === null ? null : seconds(freshUntil - now),
    storedBytes: state?.storedBytes ?? 0,
    fetching: state?.fetching ?? false,
    cooling: state?.cooling ?? null,
    run: run && runRow(run, now),
    lastSuccess,
    lastFailure,
    ...(flaws && { flaws }),
    traffic: metrics && toFieldDay(metrics),
  }
  return { ...row, status: resolveStatus(row) }
}

function resolveStatus({
  condition,
  run,
  fetching,
  cooling,
  lastSuccess,
  lastFailure,
}: Omit<FieldRow, 'status'>): RowStatus {
  if (run?.state === 'running' || fetching) return 'refreshing'
  if (cooling !== null || (lastFailure && lastFailure.at > (lastSuccess?.at ?? 0))) return 'failing'
  if (condition === null) return 'unknown'
  if (condition === 'fresh' || condition === 'stale') return condition
  return condition === 'absent' && !lastSuccess ? 'never-fetched' : 'expired'
}

/** The latest of what is known: from the refresh by hand, the metrics, or the stored value. */
function latestSuccess(
  state: FieldState | null,
  run: FieldRun | null,
  metrics: FieldMetrics | null,
): GoodRun | null {
  const counted = metrics?.lastSuccess?.stored ? metrics.lastSuccess : null
  const known: GoodRun[] = []
  if (counted)
    known.push({ at: counted.at, durationMs: counted.durationMs, items: counted.items, bytes: counted.bytes })
  const byHand = run && (toGoodRun(run) ?? run.before)
  if (byHand) known.push(byHand)
  if (state?.fetchedAt) known.push({ at: state.fetchedAt, durationMs: null, items: null, bytes: null })
  return latest(known)
}

function latestFailure(run: FieldRun | null, metrics: FieldMetrics | null): Failure | null {
  const known: Failure[] = []
  if (metrics?.lastFailure) {
    const { at, code } = metrics.lastFailure
    known.push({ at, code, message: null, hint: null })
  }
  if (run?.failure && run.endedAt !== null) known.push({ at: run.endedAt, ...run.failure })
  return latest(known)
}

/** Every value is read as a whole within its ttl, or within a day, and reports flaws again: older reports are outdated. */
function currentFlaws({ ttl }: AnyField, metrics: FieldMetrics | null, now: number): Flaws | null {
  const flaws = metrics?.lastFlaws ?? null
  const seconds = ttl === 'forever' ? DAY_SECONDS : Math.min(ttl, DAY_SECONDS)
  return flaws && now - flaws.at <= seconds * 1000 ? flaws : null
}

function latest<T extends { at: number }>(known: readonly T[]): T | null {
  return known.reduce<T | null>((last, one) => (last && last.at > one.at ? last : one), null)
}

function toFieldDay({ windows, monthlyUsd }: FieldMetrics): FieldDay {
  const { reads, hitRate, readLatency, sourceCalls, redisCommands } = windows['24h']
  return {
    reads: Object.values(reads).reduce((sum, count) => sum + count, 0),
    hitRate,
    p95Ms: readLatency.p95Ms,
    sourceCalls,
    redisCommands,
    monthlyUsd,
  }
}

function runRow(run: FieldRun, now: number): RunRow {
  const { startedAt, endedAt, durationMs, items, progress, outcome } = run
  const state = isUnderWay(run, now) ? 'running' : (outcome ?? 'cut-off')
  return { state, startedAt, endedAt, durationMs, items, progress }
}

export function allRow(run: AllRun, now: number): AllRow {
  const { startedAt, endedAt, names, outcomes, current } = run
  const state = isUnderWay(run, now) ? 'running' : endedAt === null ? 'cut-off' : 'ended'
  return {
    state,
    startedAt,
    endedAt,
    total: names.length,
    done: Object.keys(outcomes).length,
    current,
    outcomes,
  }
}

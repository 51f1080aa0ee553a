/** What counts say of a span of time. The names are those that collector.ts gives. */

import type { BreakerState, FieldStatus, RefreshReason } from '../../shared/events'
import { partsOf } from './counts'
import { BUCKETS_MS, quantile } from './histogram'
import type { CronOutcome, FieldTraffic, Latency, RefreshOutcome, SystemTraffic, Traffic } from './snapshot'

export interface TrafficByField extends Traffic {
  byField: ReadonlyMap<string, FieldTraffic>
}

export function trafficOf(sums: ReadonlyMap<string, number>): TrafficByField {
  const all = emptyFieldTraffic()
  const system = emptySystemTraffic()
  const byField = new Map<string, FieldTraffic>()
  for (const [name, amount] of sums) {
    const [kind = '', ...rest] = partsOf(name)
    const [field = '', ...detail] = rest
    const count = FIELD_COUNTS[kind]
    if (!count) {
      SYSTEM_COUNTS[kind]?.(system, amount, rest)
      continue
    }
    const own = byField.get(field) ?? emptyFieldTraffic()
    byField.set(field, own)
    count(own, amount, detail)
    count(all, amount, detail)
  }
  for (const traffic of [all, ...byField.values()]) finishField(traffic)
  finishLatency(system.redis.latency)
  return { fields: all, system, byField }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Count<T> = (traffic: T, amount: number, detail: readonly string[]) => void

const FIELD_COUNTS: Record<string, Count<FieldTraffic>> = {
  read: ({ reads }, amount, [status]) => addTo(reads, status as FieldStatus, amount),
  unread: (traffic, amount) => {
    traffic.failedReads += amount
  },
  wait: ({ readLatency }, amount, [bucket]) => addDuration(readLatency, amount, bucket),
  call: (traffic, amount) => {
    traffic.sourceCalls += amount
  },
  refresh: ({ refreshes }, amount, [reason, outcome]) => {
    const counts = refreshes[reason as RefreshReason]
    if (counts) addTo(counts, outcome as RefreshOutcome, amount)
  },
  took: ({ refreshLatency }, amount, [bucket]) => addDuration(refreshLatency, amount, bucket),
  cmd: (traffic, amount) => {
    traffic.redisCommands += amount
  },
  in: (traffic, amount) => {
    traffic.redisBytesRead += amount
  },
  out: (traffic, amount) => {
    traffic.redisBytesWritten += amount
  },
}

const SYSTEM_COUNTS: Record<string, Count<SystemTraffic>> = {
  redis: ({ redis }, amount, [kind, detail = '']) => {
    if (kind === 'cmd') redis.commands += amount
    else if (kind === 'req') redis.requests += amount
    else if (kind === 'out') redis.bytesSent += amount
    else if (kind === 'in') redis.bytesReceived += amount
    else if (kind === 'again') redis.retries += amount
    else if (kind === 'err') redis.errors[detail] = (redis.errors[detail] ?? 0) + amount
    else if (kind === 'took') addDuration(redis.latency, amount, detail)
  },
  metrics: (system, amount) => {
    system.metricsCommands += amount
  },
  breaker: ({ breakerTransitions }, amount, [state]) =>
    addTo(breakerTransitions, state as BreakerState, amount),
  lock: ({ locks }, amount, [outcome]) => addTo(locks, outcome as keyof SystemTraffic['locks'], amount),
  invalidated: (system, amount) => {
    system.invalidations += amount
  },
  airtable: ({ airtable }, amount, [kind, code = '']) => {
    if (kind === 'req') airtable.requests += amount
    else airtable.errors[code] = (airtable.errors[code] ?? 0) + amount
  },
  webhook: ({ webhooks }, amount, [kind]) => addTo(webhooks, kind as keyof SystemTraffic['webhooks'], amount),
  changed: ({ changes }, amount, [how]) => addTo(changes, how as keyof SystemTraffic['changes'], amount),
  cron: ({ cronRuns }, amount, [outcome]) => addTo(cronRuns, outcome as CronOutcome, amount),
}

/** What another release counts under a name of its own is left out. */
function addTo<Name extends string>(counts: Record<Name, number>, name: Name, amount: number): void {
  if (Object.hasOwn(counts, name)) counts[name] += amount
}

function addDuration(latency: Mutable<Latency>, amount: number, bucket = ''): void {
  if (bucket === 'ms') {
    latency.sumMs += amount
    return
  }
  const buckets = latency.buckets as number[]
  const index = Number(bucket)
  if (index in buckets) buckets[index] = (buckets[index] ?? 0) + amount
}

function finishField(traffic: FieldTraffic): void {
  const { hit, stale, cooldown, miss, degraded } = traffic.reads
  const unforced = hit + stale + cooldown + miss + degraded + traffic.failedReads
  traffic.hitRate = unforced === 0 ? null : (hit + stale + cooldown) / unforced
  finishLatency(traffic.readLatency)
  finishLatency(traffic.refreshLatency)
}

function finishLatency(latency: Latency): void {
  const { buckets } = latency
  Object.assign(latency, {
    count: buckets.reduce((sum, count) => sum + count, 0),
    p50Ms: quantile(0.5, buckets),
    p95Ms: quantile(0.95, buckets),
    p99Ms: quantile(0.99, buckets),
  })
}

const emptyLatency = (): Latency => ({
  count: 0,
  sumMs: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  buckets: Array.from({ length: BUCKETS_MS.length + 1 }, () => 0),
})

export function emptyFieldTraffic(): FieldTraffic {
  const outcomes = () => ({ stored: 0, unstored: 0, failed: 0, paused: 0 })
  return {
    reads: { hit: 0, stale: 0, miss: 0, refreshed: 0, degraded: 0, cooldown: 0 },
    failedReads: 0,
    hitRate: null,
    readLatency: emptyLatency(),
    sourceCalls: 0,
    refreshes: {
      miss: outcomes(),
      stale: outcomes(),
      force: outcomes(),
      cron: outcomes(),
      change: outcomes(),
    },
    refreshLatency: emptyLatency(),
    redisCommands: 0,
    redisBytesRead: 0,
    redisBytesWritten: 0,
  }
}

const emptySystemTraffic = (): SystemTraffic => ({
  redis: {
    commands: 0,
    requests: 0,
    bytesSent: 0,
    bytesReceived: 0,
    retries: 0,
    errors: {},
    latency: emptyLatency(),
  },
  metricsCommands: 0,
  breakerTransitions: { closed: 0, open: 0, 'half-open': 0 },
  locks: { acquired: 0, refused: 0, lost: 0 },
  invalidations: 0,
  airtable: { requests: 0, errors: {} },
  webhooks: { pinged: 0, drained: 0, failed: 0, dead: 0 },
  changes: { records: 0, all: 0 },
  cronRuns: { ok: 0, failed: 0, skipped: 0 },
})

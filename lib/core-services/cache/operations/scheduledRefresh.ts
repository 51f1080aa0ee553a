/**
 * One cron run at a time maintains the webhooks, then refreshes the fields that have reached their `refreshEvery`.
 * Outcomes are reported in the order of the list.
 */

import { getErrorCode, hasCode } from '../../../shared/errors'
import type { WebhookOutcome } from '../../../shared/events'
import type { LockHolder } from '../coordination/lockOptions'
import { ageSeconds } from '../entry/entry'
import { cacheUnavailable, isUnfinished } from '../errors'
import type { AnyField } from '../fields/fieldConfig'
import { refreshTimeoutMs } from '../fields/fieldContext'
import type { CronRuntime, FieldRuntime } from '../fields/fieldRuntime'
import { forcesAhead } from '../fields/refresh/forceRefresh'
import { refreshInParts } from '../fields/refresh/refreshInParts'
import { fieldRuntime } from '../processContext'
import {
  type Attempts,
  type FieldAge,
  longestOverdueFirst,
  readAttempts,
  readFieldAges,
} from './refreshOrder'

export type FieldOutcome =
  | { name: string; outcome: 'refreshed'; durationMs: number }
  | { name: string; outcome: 'fresh'; age: number }
  | { name: string; outcome: 'skipped'; reason: SkipReason }
  /** `done`: how far this run has read; the next one continues. */
  | { name: string; outcome: 'unfinished'; done: string | null }
  | { name: string; outcome: 'failed'; code: string }

/** `another-run`: one is active; `out-of-time`: left for the next run; the rest is configuration. */
export type SkipReason = 'another-run' | 'out-of-time' | 'warmup-disabled' | 'no-refresh-every'

export interface WarmupRun {
  /** ISO 8601. */
  startedAt: string
  finishedAt: string
  fields: FieldOutcome[]
  webhooks: readonly WebhookOutcome[]
}

export interface MaintenanceReport {
  webhooks: readonly WebhookOutcome[]
  /** Fields without a working webhook: refreshed at any age. */
  due: ReadonlySet<string>
}

export interface CronOptions {
  /** In ms; a field that could not end within it is not started. */
  budgetMs: number
  enabled: boolean
  /** Maintains the webhooks. Rejects when Redis does not answer. */
  maintain?: (remainingMs: () => number) => Promise<MaintenanceReport>
}

const NOTHING_MAINTAINED: MaintenanceReport = { webhooks: [], due: new Set() }

/** In s, after an interrupted run. */
const LOCK_TTL_SECONDS = 30

/** Rejects with a REDIS_ error or CACHE_UNAVAILABLE: without Redis nothing could be stored. */
export async function refreshDueFields(
  fields: readonly AnyField[],
  { budgetMs, enabled, maintain }: CronOptions,
  runtime: CronRuntime = fieldRuntime(),
): Promise<WarmupRun> {
  const { clock, emit } = runtime.ports
  const startedAt = clock.now()
  const started = clock.monotonic()
  const remainingMs = () => budgetMs - (clock.monotonic() - started)
  const outcomes = skipAll(fields, enabled ? 'another-run' : 'warmup-disabled')
  let webhooks: readonly WebhookOutcome[] = []
  if (enabled || maintain) {
    await asOnlyRun(runtime, async ({ signal }) => {
      const maintained = (await maintain?.(remainingMs)) ?? NOTHING_MAINTAINED
      webhooks = maintained.webhooks
      if (!enabled) return
      const attempts = await readAttempts(runtime, fields)
      for (const { field, index } of await dueFields(runtime, fields, maintained.due, attempts, outcomes)) {
        if (signal.aborted) return
        outcomes[index] = await refreshInTime(runtime, field, remainingMs, attempts)
      }
      await attempts.save()
    })
  }
  const count = (outcome: FieldOutcome['outcome']) =>
    outcomes.filter((field) => field.outcome === outcome).length
  emit({
    type: 'cron.finished',
    durationMs: clock.monotonic() - started,
    refreshed: count('refreshed'),
    fresh: count('fresh'),
    skipped: count('skipped'),
    unfinished: count('unfinished'),
    failed: count('failed'),
    webhooks,
  })
  return { startedAt: isoTime(startedAt), finishedAt: isoTime(clock.now()), fields: outcomes, webhooks }
}

async function asOnlyRun(runtime: CronRuntime, run: (holder: LockHolder) => Promise<void>): Promise<void> {
  try {
    await (await runtime.locks()).withLock('cron', run, LOCK_TTL_SECONDS, { retryCount: 0 })
  } catch (error) {
    // Forced refreshes are safe without the lock, which only saves the source from two runs.
    if (!hasCode(error, 'LOCK_NOT_ACQUIRED', 'LOCK_LOST')) throw error
  }
}

/** Also writes the outcomes of the other fields. */
async function dueFields(
  runtime: FieldRuntime,
  fields: readonly AnyField[],
  dueNow: ReadonlySet<string>,
  attempts: Attempts,
  outcomes: FieldOutcome[],
): Promise<FieldAge[]> {
  const all = [...fields.entries()].map(([index, field]) => ({ index, field }))
  const isMeant = ({ field }: { field: AnyField }) =>
    field.refreshEvery !== undefined || dueNow.has(field.name)
  const reasons = skipAll(fields, 'no-refresh-every')
  for (const { index } of all.filter((one) => !isMeant(one))) outcomes[index] = reasons[index] as FieldOutcome
  const ages = await readFieldAges(runtime, all.filter(isMeant))
  const now = runtime.ports.clock.now()
  const due = ages.filter(({ field, index, fetchedAt }) => {
    const { name, refreshEvery = 0 } = field
    const age = fetchedAt === null ? Number.POSITIVE_INFINITY : ageSeconds(fetchedAt, now)
    if (dueNow.has(name) || age >= refreshEvery) return true
    outcomes[index] = { name, outcome: 'fresh', age }
    return false
  })
  return longestOverdueFirst(due, dueNow, attempts, now)
}

async function refreshInTime(
  runtime: FieldRuntime,
  field: AnyField,
  remainingMs: () => number,
  attempts: Attempts,
): Promise<FieldOutcome> {
  const { name } = field
  const { clock } = runtime.ports
  // The refresh waits for forces of the field in this process.
  const needed = (forcesAhead(runtime, field) + 1) * refreshTimeoutMs(runtime, field)
  if (remainingMs() < needed) return { name, outcome: 'skipped', reason: 'out-of-time' }
  const started = clock.monotonic()
  // A run that is interrupted between two parts must not start with the same field each time.
  const onPart = () => attempts.record(name)
  try {
    const { stored } = await refreshInParts(runtime, field, { reason: 'cron', remainingMs, onPart })
    if (!stored) throw cacheUnavailable(new Error('nothing was stored'))
    attempts.succeeded(name)
    return { name, outcome: 'refreshed', durationMs: Math.round(clock.monotonic() - started) }
  } catch (error) {
    if (runtime.ports.isControlFlow(error)) throw error
    await attempts.record(name)
    if (isUnfinished(error)) return { name, outcome: 'unfinished', done: error.done }
    return { name, outcome: 'failed', code: getErrorCode(error) }
  }
}

function skipAll(fields: readonly AnyField[], reason: SkipReason): FieldOutcome[] {
  return fields.map(({ name }) => ({ name, outcome: 'skipped', reason }))
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

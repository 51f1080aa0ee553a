/** Keeps fields warm: refreshes each that has reached its `refreshEvery`, one after the other, one run at a time. */
import { ageSeconds } from './engine/entry'
import { codeOf, hasCode } from './engine/errors'
import type { AnyField } from './engine/fieldConfig'
import type { LockHolder } from './engine/lock'
import { lookAt, placeOf } from './fieldPlace'
import { type CronRuntime, type FieldRuntime, fieldRuntime } from './fieldRuntime'
import { forceRefresh } from './refreshCache'

export type FieldOutcome =
  | { name: string; outcome: 'refreshed'; durationMs: number }
  | { name: string; outcome: 'fresh'; age: number }
  | { name: string; outcome: 'skipped'; reason: SkipReason }
  | { name: string; outcome: 'failed'; code: string }

/** `another-run`: one is under way; `out-of-time`: left for the next run; the rest is configuration. */
export type SkipReason = 'another-run' | 'out-of-time' | 'warmup-disabled' | 'no-refresh-every'

export interface WarmupRun {
  /** ISO 8601. */
  startedAt: string
  finishedAt: string
  fields: FieldOutcome[]
}

export interface WarmupOptions {
  /** No field is begun that could not end within this time, in ms. */
  budgetMs: number
  enabled: boolean
}

/** How long a run that was cut off keeps the next one away, in s. */
const LOCK_TTL_SECONDS = 30

/** Rejects with a REDIS_ error or CACHE_UNAVAILABLE when Redis cannot be asked: then nothing could be stored either. */
export async function refreshDueFields(
  fields: readonly AnyField[],
  { budgetMs, enabled }: WarmupOptions,
  runtime: CronRuntime = fieldRuntime(),
): Promise<WarmupRun> {
  const { clock, emit } = runtime.ports
  const startedAt = clock.now()
  const started = clock.monotonic()
  const remainingMs = () => budgetMs - (clock.monotonic() - started)
  const outcomes = enabled
    ? await asOnlyRun(runtime, fields, (field) => refreshIfDue(runtime, field, remainingMs()))
    : skipAll(fields, 'warmup-disabled')
  const count = (outcome: FieldOutcome['outcome']) =>
    outcomes.filter((field) => field.outcome === outcome).length
  emit({
    type: 'cron.finished',
    durationMs: clock.monotonic() - started,
    refreshed: count('refreshed'),
    fresh: count('fresh'),
    skipped: count('skipped'),
    failed: count('failed'),
  })
  return { startedAt: isoTime(startedAt), finishedAt: isoTime(clock.now()), fields: outcomes }
}

async function asOnlyRun(
  runtime: CronRuntime,
  fields: readonly AnyField[],
  refresh: (field: AnyField) => Promise<FieldOutcome>,
): Promise<FieldOutcome[]> {
  const outcomes: FieldOutcome[] = []
  const run = async ({ signal }: LockHolder) => {
    for (const field of fields) {
      outcomes.push(...(signal.aborted ? skipAll([field], 'another-run') : [await refresh(field)]))
    }
  }
  try {
    await (await runtime.locks()).withLock('cron', run, LOCK_TTL_SECONDS, { retryCount: 0 })
  } catch (error) {
    if (hasCode(error, 'LOCK_NOT_ACQUIRED')) return skipAll(fields, 'another-run')
    // Forced refreshes are safe without the lock, which only saves the source from two runs.
    if (!hasCode(error, 'LOCK_LOST')) throw error
  }
  return outcomes
}

async function refreshIfDue(
  runtime: FieldRuntime,
  field: AnyField,
  remainingMs: number,
): Promise<FieldOutcome> {
  const { name, refreshEvery } = field
  const { clock } = runtime.ports
  if (refreshEvery === undefined) return { name, outcome: 'skipped', reason: 'no-refresh-every' }
  // A force that runs already is waited for: its time and our own have to fit.
  if (remainingMs < 2 * runtime.refreshTimeoutMs) return { name, outcome: 'skipped', reason: 'out-of-time' }
  const started = clock.monotonic()
  try {
    const store = await runtime.store()
    const entry = (await lookAt(runtime, placeOf(runtime, store, field))).valid
    const age = entry ? ageSeconds(entry.fetchedAt, clock.now()) : Number.POSITIVE_INFINITY
    if (age < refreshEvery) return { name, outcome: 'fresh', age }
    const { stored } = await forceRefresh(runtime, field, 'cron')
    if (!stored) return { name, outcome: 'failed', code: 'CACHE_UNAVAILABLE' }
    return { name, outcome: 'refreshed', durationMs: Math.round(clock.monotonic() - started) }
  } catch (error) {
    if (runtime.ports.isControlFlow(error)) throw error
    return { name, outcome: 'failed', code: codeOf(error) }
  }
}

function skipAll(fields: readonly AnyField[], reason: SkipReason): FieldOutcome[] {
  return fields.map(({ name }) => ({ name, outcome: 'skipped', reason }))
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

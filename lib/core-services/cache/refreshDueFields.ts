/**
 * What the cron does, one run at a time: looks after the webhooks, then refreshes each field that has reached its
 * `refreshEvery`, one after the other.
 */
import { ageSeconds } from './engine/entry'
import { codeOf, hasCode, isUnfinished } from './engine/errors'
import type { WebhookOutcome } from './engine/events'
import type { AnyField } from './engine/fieldConfig'
import type { LockHolder } from './engine/lock'
import { lookAt, placeOf } from './fieldPlace'
import { type CronRuntime, type FieldRuntime, fieldRuntime } from './fieldRuntime'
import { refreshInParts } from './refreshInParts'

export type FieldOutcome =
  | { name: string; outcome: 'refreshed'; durationMs: number }
  | { name: string; outcome: 'fresh'; age: number }
  | { name: string; outcome: 'skipped'; reason: SkipReason }
  /** Needs more time than this run had: the next one goes on. `done`: how far it has come. */
  | { name: string; outcome: 'unfinished'; done: string | null }
  | { name: string; outcome: 'failed'; code: string }

/** `another-run`: one is under way; `out-of-time`: left for the next run; the rest is configuration. */
export type SkipReason = 'another-run' | 'out-of-time' | 'warmup-disabled' | 'no-refresh-every'

export interface WarmupRun {
  /** ISO 8601. */
  startedAt: string
  finishedAt: string
  fields: FieldOutcome[]
  webhooks: readonly WebhookOutcome[]
}

export interface Tended {
  webhooks: readonly WebhookOutcome[]
  /** Names of fields that nobody tells of changes: to be refreshed in this run, whatever their age. */
  due: ReadonlySet<string>
}

export interface WarmupOptions {
  /** No field is begun that could not end within this time, in ms. */
  budgetMs: number
  enabled: boolean
  /** Looks after the webhooks, whether fields are refreshed or not; rejects when Redis cannot be asked. */
  tend?: (remainingMs: () => number) => Promise<Tended>
}

const NOTHING_TENDED: Tended = { webhooks: [], due: new Set() }

/** How long a run that was cut off keeps the next one away, in s. */
const LOCK_TTL_SECONDS = 30

/** Rejects with a REDIS_ error or CACHE_UNAVAILABLE when Redis cannot be asked: then nothing could be stored either. */
export async function refreshDueFields(
  fields: readonly AnyField[],
  { budgetMs, enabled, tend }: WarmupOptions,
  runtime: CronRuntime = fieldRuntime(),
): Promise<WarmupRun> {
  const { clock, emit } = runtime.ports
  const startedAt = clock.now()
  const started = clock.monotonic()
  const remainingMs = () => budgetMs - (clock.monotonic() - started)
  const outcomes = skipAll(fields, enabled ? 'another-run' : 'warmup-disabled')
  let webhooks: readonly WebhookOutcome[] = []
  if (enabled || tend) {
    await asOnlyRun(runtime, async ({ signal }) => {
      const tended = (await tend?.(remainingMs)) ?? NOTHING_TENDED
      webhooks = tended.webhooks
      for (const [index, field] of enabled ? fields.entries() : []) {
        if (signal.aborted) return
        outcomes[index] = await refreshIfDue(runtime, field, tended.due.has(field.name), remainingMs)
      }
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

/** Does nothing while another run is under way. */
async function asOnlyRun(runtime: CronRuntime, run: (holder: LockHolder) => Promise<void>): Promise<void> {
  try {
    await (await runtime.locks()).withLock('cron', run, LOCK_TTL_SECONDS, { retryCount: 0 })
  } catch (error) {
    // Forced refreshes are safe without the lock, which only saves the source from two runs.
    if (!hasCode(error, 'LOCK_NOT_ACQUIRED', 'LOCK_LOST')) throw error
  }
}

async function refreshIfDue(
  runtime: FieldRuntime,
  field: AnyField,
  due: boolean,
  remainingMs: () => number,
): Promise<FieldOutcome> {
  const { name, refreshEvery } = field
  const { clock } = runtime.ports
  if (refreshEvery === undefined && !due) return { name, outcome: 'skipped', reason: 'no-refresh-every' }
  // A force that runs already is waited for: its time and our own have to fit.
  if (remainingMs() < 2 * runtime.refreshTimeoutMs) return { name, outcome: 'skipped', reason: 'out-of-time' }
  const started = clock.monotonic()
  try {
    const store = await runtime.store()
    const entry = (await lookAt(runtime, placeOf(runtime, store, field))).valid
    const age = entry ? ageSeconds(entry.fetchedAt, clock.now()) : Number.POSITIVE_INFINITY
    if (!due && age < (refreshEvery ?? 0)) return { name, outcome: 'fresh', age }
    const { stored } = await refreshInParts(runtime, field, 'cron', remainingMs)
    if (!stored) return { name, outcome: 'failed', code: 'CACHE_UNAVAILABLE' }
    return { name, outcome: 'refreshed', durationMs: Math.round(clock.monotonic() - started) }
  } catch (error) {
    if (runtime.ports.isControlFlow(error)) throw error
    if (isUnfinished(error)) return { name, outcome: 'unfinished', done: error.done }
    return { name, outcome: 'failed', code: codeOf(error) }
  }
}

function skipAll(fields: readonly AnyField[], reason: SkipReason): FieldOutcome[] {
  return fields.map(({ name }) => ({ name, outcome: 'skipped', reason }))
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

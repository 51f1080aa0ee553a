/**
 * Refreshes that a person starts: they continue after the response, and records report their outcome to every instance.
 */

import { getErrorCode, getErrorMessage, isCodedError } from '../../../shared/errors'
import { cacheUnavailable } from '../errors'
import type { AnyField } from '../fields/fieldConfig'
import { refreshTimeoutMs } from '../fields/fieldContext'
import type { Refreshed } from '../fields/refresh/forceRefresh'
import { refreshInParts } from '../fields/refresh/refreshInParts'
import {
  ALL,
  type AllRun,
  beginRun,
  type FieldRun,
  lastRun,
  leftOfLastRun,
  type RunFailure,
  recordRun,
  toFieldSubject,
  toGoodRun,
} from './refreshLog'
import type { WatchRuntime } from './watchRuntime'

export type Begun = 'begun' | 'under-way'

/** A force makes at most three attempts. */
const TRIES = 3
const SLACK_MS = 10_000

/**
 * Resolves once it has started. At most one runs per field in all instances. `budgetMs`: how long it may continue with
 * a source that takes several refreshes to read.
 */
export async function beginRefresh(runtime: WatchRuntime, field: AnyField, budgetMs: number): Promise<Begun> {
  const run = newRun(runtime, field)
  if (!(await beginRun(runtime, toFieldSubject(field.key), run))) return 'under-way'
  const budget = startBudget(runtime, budgetMs)
  runtime.ports.defer(async () => {
    await finish(runtime, field, run, budget)
  })
  return 'begun'
}

/**
 * Refreshes all fields, one after the other; a failure does not stop the rest. A field that could not end within
 * `budgetMs` is not started. Fields left over by the last run go first, so that repeated runs reach each of them.
 */
export async function beginRefreshOfAll(
  runtime: WatchRuntime,
  fields: readonly AnyField[],
  budgetMs: number,
): Promise<Begun> {
  const left = await leftOfLastRun(runtime)
  const ordered = [...fields].sort((a, b) => Number(left.has(b.name)) - Number(left.has(a.name)))
  const startedAt = runtime.ports.clock.now()
  const names = ordered.map(({ name }) => name)
  const until = Math.max(startedAt, ...fields.map((field) => latestEnd(runtime, field)))
  const run: AllRun = { startedAt, endedAt: null, until, names, outcomes: {}, current: null }
  if (!(await beginRun(runtime, ALL, run))) return 'under-way'
  const budget = startBudget(runtime, budgetMs)
  runtime.ports.defer(() => refreshEach(runtime, ordered, run, budget))
  return 'begun'
}

interface Budget {
  remainingMs(): number
  onPart?(): Promise<void>
}

function startBudget({ ports: { clock } }: WatchRuntime, milliseconds: number): Budget {
  const started = clock.monotonic()
  return { remainingMs: () => milliseconds - (clock.monotonic() - started) }
}

async function refreshEach(
  runtime: WatchRuntime,
  fields: readonly AnyField[],
  begun: AllRun,
  { remainingMs }: Budget,
): Promise<void> {
  let run = begun
  for (const field of fields) {
    const onPart = async () => {
      run = { ...run, current: field.name, until: latestEnd(runtime, field) }
      await recordRun(runtime, ALL, run)
    }
    await onPart()
    const inTime = remainingMs() >= refreshTimeoutMs(runtime, field)
    const outcome = inTime ? await refreshOne(runtime, field, { remainingMs, onPart }) : 'left'
    run = { ...run, outcomes: { ...run.outcomes, [field.name]: outcome } }
  }
  await recordRun(runtime, ALL, { ...run, current: null, endedAt: runtime.ports.clock.now() })
}

async function refreshOne(
  runtime: WatchRuntime,
  field: AnyField,
  budget: Budget,
): Promise<AllRun['outcomes'][string]> {
  const run = newRun(runtime, field)
  return (await beginRun(runtime, toFieldSubject(field.key), run))
    ? finish(runtime, field, run, budget)
    : 'busy'
}

type RefreshOutcome = NonNullable<FieldRun['outcome']>

async function finish(
  runtime: WatchRuntime,
  field: AnyField,
  begun: FieldRun,
  { remainingMs, onPart }: Budget,
): Promise<RefreshOutcome> {
  let run = begun
  const further = async (progress: string | null) => {
    run = { ...run, progress, until: latestEnd(runtime, field) }
    await Promise.all([recordRun(runtime, toFieldSubject(field.key), run), onPart?.()])
  }
  const refresh = () => refreshInParts(runtime, field, { reason: 'force', remainingMs, onPart: further })
  const result = await runToResult(runtime, refresh)
  await recordRun(runtime, toFieldSubject(field.key), {
    ...run,
    ...result,
    endedAt: runtime.ports.clock.now(),
  })
  return result.outcome
}

type Result = Pick<FieldRun, 'failure' | 'durationMs' | 'items' | 'bytes'> & { outcome: RefreshOutcome }

async function runToResult(runtime: WatchRuntime, refresh: () => Promise<Refreshed>): Promise<Result> {
  try {
    const { stored, sourceMs, items, entry } = await refresh()
    const figures = { durationMs: Math.round(sourceMs), items, bytes: Buffer.byteLength(entry.body) }
    if (stored) return { outcome: 'refreshed', failure: null, ...figures }
    const failure = toFailure(runtime, cacheUnavailable(new Error('nothing was stored')))
    return { outcome: 'unstored', failure, ...figures }
  } catch (error) {
    // No caller waits for this work, so its record is the only place to report an error.
    return {
      outcome: 'failed',
      failure: toFailure(runtime, error),
      durationMs: null,
      items: null,
      bytes: null,
    }
  }
}

function toFailure({ clean }: WatchRuntime, error: unknown): RunFailure {
  const cause = isCodedError(error) && isCodedError(error.cause) ? error.cause : error
  const hint = (isCodedError(cause) && cause.hint) || null
  return { code: getErrorCode(cause), message: clean(getErrorMessage(cause)), hint }
}

/** Wall clock, ms, whatever happens. */
function latestEnd(runtime: WatchRuntime, field: AnyField): number {
  return runtime.ports.clock.now() + TRIES * refreshTimeoutMs(runtime, field) + SLACK_MS
}

function newRun(runtime: WatchRuntime, field: AnyField): FieldRun {
  const last = lastRun(runtime, toFieldSubject(field.key), null)
  const before = last && (toGoodRun(last) ?? last.before)
  const open = { endedAt: null, outcome: null, failure: null, progress: null }
  const unknown = { durationMs: null, items: null, bytes: null }
  return {
    startedAt: runtime.ports.clock.now(),
    until: latestEnd(runtime, field),
    before,
    ...open,
    ...unknown,
  }
}

/**
 * Refreshes that somebody begins by hand and need not wait for: they go on after the answer, and their notes tell every
 * instance what becomes of them.
 */
import { cacheUnavailable, codeOf, isCodedError, messageOf } from './engine/errors'
import type { AnyField } from './engine/fieldConfig'
import { timeoutOf } from './fetchEntry'
import type { WatchRuntime } from './fieldRuntime'
import { refreshInParts } from './refreshInParts'
import { ALL, type AllRun, beginRun, type FieldRun, noteRun, ofField, type RunFailure } from './refreshNotes'

export type Begun = 'begun' | 'under-way'

/** A force may begin anew twice; so many ms are for everything around it. */
const TRIES = 3
const SLACK_MS = 10_000

/** Answers once it has begun. At most one runs per field in the whole cluster, however often it is asked for. */
export async function beginRefresh(runtime: WatchRuntime, field: AnyField): Promise<Begun> {
  const run = newRun(runtime, field)
  if (!(await beginRun(runtime, ofField(field.key), run))) return 'under-way'
  runtime.ports.defer(async () => {
    await finish(runtime, field, run)
  })
  return 'begun'
}

/** All of them, one after the other; one that fails stops nobody. None is begun that could not end within `budgetMs`. */
export async function beginRefreshOfAll(
  runtime: WatchRuntime,
  fields: readonly AnyField[],
  budgetMs: number,
): Promise<Begun> {
  const startedAt = runtime.ports.clock.now()
  const names = fields.map(({ name }) => name)
  const run: AllRun = {
    startedAt,
    endedAt: null,
    until: startedAt + budgetMs,
    names,
    outcomes: {},
    current: null,
  }
  if (!(await beginRun(runtime, ALL, run))) return 'under-way'
  runtime.ports.defer(() => refreshEach(runtime, fields, run))
  return 'begun'
}

async function refreshEach(runtime: WatchRuntime, fields: readonly AnyField[], begun: AllRun): Promise<void> {
  const { clock } = runtime.ports
  let run = begun
  for (const field of fields) {
    run = { ...run, current: field.name }
    await noteRun(runtime, ALL, run)
    const outcome =
      clock.now() + timeoutOf(runtime, field) > run.until ? 'left' : await refreshOne(runtime, field)
    run = { ...run, outcomes: { ...run.outcomes, [field.name]: outcome } }
  }
  await noteRun(runtime, ALL, { ...run, current: null, endedAt: clock.now() })
}

async function refreshOne(runtime: WatchRuntime, field: AnyField): Promise<AllRun['outcomes'][string]> {
  const run = newRun(runtime, field)
  return (await beginRun(runtime, ofField(field.key), run)) ? finish(runtime, field, run) : 'busy'
}

async function finish(
  runtime: WatchRuntime,
  field: AnyField,
  run: FieldRun,
): Promise<NonNullable<FieldRun['outcome']>> {
  const result = await resultOf(runtime, field, run)
  await noteRun(runtime, ofField(field.key), { ...run, ...result, endedAt: runtime.ports.clock.now() })
  return result.outcome
}

type Result = Pick<FieldRun, 'failure' | 'durationMs' | 'items' | 'bytes'> & {
  outcome: NonNullable<FieldRun['outcome']>
}

async function resultOf(runtime: WatchRuntime, field: AnyField, { until }: FieldRun): Promise<Result> {
  const remainingMs = () => until - runtime.ports.clock.now()
  try {
    const { stored, sourceMs, items, entry } = await refreshInParts(runtime, field, 'force', remainingMs)
    const told = { durationMs: Math.round(sourceMs), items, bytes: Buffer.byteLength(entry.body) }
    return stored
      ? { outcome: 'refreshed', failure: null, ...told }
      : {
          outcome: 'unstored',
          failure: failureOf(runtime, cacheUnavailable(new Error('nothing was stored'))),
          ...told,
        }
  } catch (error) {
    // Whatever it was: nobody waits for this work, so its note is the one place to tell of it.
    return {
      outcome: 'failed',
      failure: failureOf(runtime, error),
      durationMs: null,
      items: null,
      bytes: null,
    }
  }
}

function failureOf({ clean }: WatchRuntime, error: unknown): RunFailure {
  const cause = isCodedError(error) && isCodedError(error.cause) ? error.cause : error
  const hint = (isCodedError(cause) && cause.hint) || null
  return { code: codeOf(cause), message: clean(messageOf(cause)), hint }
}

function newRun(runtime: WatchRuntime, field: AnyField): FieldRun {
  const startedAt = runtime.ports.clock.now()
  const until = startedAt + TRIES * timeoutOf(runtime, field) + SLACK_MS
  return {
    startedAt,
    endedAt: null,
    until,
    outcome: null,
    failure: null,
    durationMs: null,
    items: null,
    bytes: null,
  }
}

/** What the admin page shows, as plain data: it goes to the browser, so no value and no secret is in it. */
import type { BreakerState } from '../core-services/cache/engine/breaker'
import { isRedisFailure } from '../core-services/cache/engine/errors'
import type { AnyField } from '../core-services/cache/engine/fieldConfig'
import { fieldRuntime, type WatchRuntime } from '../core-services/cache/fieldRuntime'
import { type FieldState, type FieldStates, readFieldStates } from '../core-services/cache/fieldStates'
import { ALL, lastRun, noteName, ofField } from '../core-services/cache/refreshNotes'
import { serviceRegistry } from '../core-services/service-registry'
import { type AllRow, allRow, type FieldRow, fieldRow } from './fieldRow'
import { type PartHealth, redisHealth } from './parts'

export type { AllRow, FieldRow, PartHealth }

export interface Overview {
  /** When all this was found out; wall clock, ms. */
  at: number
  fields: FieldRow[]
  /** The last refresh of all fields. */
  all: AllRow | null
  /** How the parts around the fields are doing. */
  parts: PartHealth[]
}

/** A few Redis commands for all fields together. Never fails for Redis: then the page says so. */
export async function readOverview(
  fields: readonly AnyField[],
  runtime: WatchRuntime = fieldRuntime(),
): Promise<Overview> {
  const { states, failure } = await statesOf(runtime, fields)
  const now = runtime.ports.clock.now()
  const all = lastRun(runtime, ALL, states?.note(ALL) ?? null)
  const rows = fields.map((field) => {
    const run = lastRun(runtime, ofField(field.key), states?.note(ofField(field.key)) ?? null)
    return fieldRow(field, states?.of(field) ?? null, run, now)
  })
  return {
    at: now,
    fields: rows,
    all: all && allRow(all, now),
    parts: [redisHealth(failure, await breakerState())],
  }
}

interface States {
  of(field: AnyField): FieldState | null
  note(subject: Parameters<typeof noteName>[1]): string | null
}

async function statesOf(
  runtime: WatchRuntime,
  fields: readonly AnyField[],
): Promise<{ states: States | null; failure: string | null }> {
  try {
    const notes = await runtime.notes()
    const names = [ALL, ...fields.map(({ key }) => ofField(key))].map((subject) => noteName(notes, subject))
    const found: FieldStates = await readFieldStates(runtime, fields, names)
    return {
      states: {
        of: ({ name }) => found.fields.find((state) => state.name === name) ?? null,
        note: (subject) => found.notes.get(noteName(notes, subject)),
      },
      failure: null,
    }
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return { states: null, failure: error.code }
  }
}

async function breakerState(): Promise<BreakerState | null> {
  return serviceRegistry.getService('cache').then(
    (cache) => cache.breaker.state,
    () => null,
  )
}

/**
 * In which order fields are refreshed, so that none waits for ever though a run may end before the list does: those that
 * are overdue longest go first. One that failed, or needed more time, counts from that attempt, so it keeps none from its
 * turn and gets its own again.
 */

import { isRedisFailure } from '../errors'
import type { AnyField } from '../fields/fieldConfig'
import { FieldContext } from '../fields/fieldContext'
import type { CronRuntime, FieldRuntime } from '../fields/fieldRuntime'
import { slotIn } from '../fields/fieldSlot'
import { reportDegraded } from '../redis/reportDegraded'

/** A field of the list, and when the fetch of what stands there began; wall clock, ms; null when nothing valid does. */
export interface FieldAge {
  field: AnyField
  /** In the list. */
  index: number
  fetchedAt: number | null
}

/** When the cron attempted fields last, by their names; wall clock, ms. What it stored may have ended since. */
export interface Attempts {
  of(name: string): number | undefined
  /** Told before what may be cut off, and after what failed. One command. */
  note(name: string): Promise<void>
  succeeded(name: string): void
  /** Writes what has succeeded since. One command at most. */
  save(): Promise<void>
}

const KIND = 'cron'
const NAME = 'attempts'
const KEPT_SECONDS = 30 * 86_400

/** One command for all of them. What cannot be read counts as missing: then it is refreshed, or fails with its own error. */
export async function lookAtAll(
  runtime: FieldRuntime,
  fields: readonly Omit<FieldAge, 'fetchedAt'>[],
): Promise<FieldAge[]> {
  const store = await runtime.store()
  return Promise.all(
    fields.map(async (one) => {
      try {
        const { valid } = await slotIn(new FieldContext(runtime, one.field), store).lookUp()
        return { ...one, fetchedAt: valid?.fetchedAt ?? null }
      } catch (error) {
        if (!isRedisFailure(error)) throw error
        return { ...one, fetchedAt: null }
      }
    }),
  )
}

/**
 * `told`: fields that are to be refreshed whatever their age. They go first, and so does whatever is overdue by a whole
 * interval of its own; of both, and of the rest, those that are overdue longest.
 */
export function longestOverdueFirst(
  standing: readonly FieldAge[],
  told: ReadonlySet<string>,
  attempts: Pick<Attempts, 'of'>,
  now: number,
): FieldAge[] {
  const ranked = standing.map((one) => {
    const { name, refreshEvery = 0 } = one.field
    const everyMs = told.has(name) ? 0 : refreshEvery * 1000
    const since = Math.max(
      one.fetchedAt ?? Number.NEGATIVE_INFINITY,
      attempts.of(name) ?? Number.NEGATIVE_INFINITY,
    )
    const dueAt = since + everyMs
    return { one, dueAt, urgent: told.has(name) || now - dueAt >= everyMs }
  })
  return ranked
    .sort(
      (a, b) => Number(b.urgent) - Number(a.urgent) || compare(a.dueAt, b.dueAt) || a.one.index - b.one.index,
    )
    .map(({ one }) => one)
}

/** Both may be infinite, so that there is no difference to take. */
const compare = (one: number, other: number): number => (one < other ? -1 : Number(one > other))

/** Rejects with a REDIS_ error when they cannot be read. */
export async function readAttempts(runtime: CronRuntime, fields: readonly AnyField[]): Promise<Attempts> {
  const { clock } = runtime.ports
  const notes = await runtime.sharedRecords()
  const [stored] = await notes.read<Record<string, number>>(KIND, [NAME])
  const names = new Set(fields.map(({ name }) => name))
  const times = new Map(Object.entries(stored ?? {}).filter(([name]) => names.has(name)))
  let changed = false

  async function write(): Promise<void> {
    changed = false
    try {
      await notes.write(KIND, NAME, Object.fromEntries(times), KEPT_SECONDS)
    } catch (error) {
      if (!isRedisFailure(error)) throw error
      reportDegraded(runtime.ports, 'cron', error)
    }
  }

  return {
    of: (name) => times.get(name),
    async note(name) {
      times.set(name, clock.now())
      await write()
    },
    succeeded(name) {
      times.set(name, clock.now())
      changed = true
    },
    async save() {
      if (changed) await write()
    },
  }
}

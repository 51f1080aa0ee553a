/**
 * Fields overdue longest go first, so that every field gets a turn although a run may end before the list does. One
 * that failed or needs more time counts from that attempt, so it does not block the others.
 */

import { isRedisFailure } from '../errors'
import type { AnyField } from '../fields/fieldConfig'
import { FieldContext } from '../fields/fieldContext'
import type { CronRuntime, FieldRuntime } from '../fields/fieldRuntime'
import { createSlot } from '../fields/fieldSlot'
import { reportDegraded } from '../redis/reportDegraded'

/** `fetchedAt`: of its valid entry; wall clock, ms; null without one. */
export interface FieldAge {
  field: AnyField
  index: number
  fetchedAt: number | null
}

/** When the cron last attempted each field; wall clock, ms. */
export interface Attempts {
  lastAt(name: string): number | undefined
  /** Before a refresh that may be interrupted, and after a failure. One command. */
  record(name: string): Promise<void>
  succeeded(name: string): void
  /** One command at most. */
  save(): Promise<void>
}

const KIND = 'cron'
const NAME = 'attempts'
const KEPT_SECONDS = 30 * 86_400

/** One command. An unreadable entry counts as missing: the refresh then reports its own error. */
export async function readFieldAges(
  runtime: FieldRuntime,
  fields: readonly Omit<FieldAge, 'fetchedAt'>[],
): Promise<FieldAge[]> {
  const store = await runtime.store()
  return Promise.all(
    fields.map(async (one) => {
      try {
        const { valid } = await createSlot(new FieldContext(runtime, one.field), store).lookUp()
        return { ...one, fetchedAt: valid?.fetchedAt ?? null }
      } catch (error) {
        if (!isRedisFailure(error)) throw error
        return { ...one, fetchedAt: null }
      }
    }),
  )
}

/**
 * `dueNow`: fields to be refreshed at any age. They go first, together with fields overdue by a whole interval; both
 * groups are sorted by how long they are overdue.
 */
export function longestOverdueFirst(
  ages: readonly FieldAge[],
  dueNow: ReadonlySet<string>,
  attempts: Pick<Attempts, 'lastAt'>,
  now: number,
): FieldAge[] {
  const ranked = ages.map((one) => {
    const { name, refreshEvery = 0 } = one.field
    const everyMs = dueNow.has(name) ? 0 : refreshEvery * 1000
    const since = Math.max(
      one.fetchedAt ?? Number.NEGATIVE_INFINITY,
      attempts.lastAt(name) ?? Number.NEGATIVE_INFINITY,
    )
    const dueAt = since + everyMs
    return { one, dueAt, urgent: dueNow.has(name) || now - dueAt >= everyMs }
  })
  return ranked
    .sort(
      (a, b) => Number(b.urgent) - Number(a.urgent) || compare(a.dueAt, b.dueAt) || a.one.index - b.one.index,
    )
    .map(({ one }) => one)
}

/** Infinity - Infinity is NaN. */
const compare = (one: number, other: number): number => (one < other ? -1 : Number(one > other))

/** Rejects with a REDIS_ error. */
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
    lastAt: (name) => times.get(name),
    async record(name) {
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

/**
 * Brings what is stored up to date after Airtable has announced a change: lists record by record where that pays, the
 * rest by reading everything. Everybody else is served what stands until the new value replaces it.
 */
import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { invalidateTags } from '../../cache/invalidate'
import { fieldRuntime } from '../../cache/processContext'
import { type AirtableField, isAirtableField } from '../airtableField'
import { type ChangeRun, createChangeRun } from '../changelog/changeLog'
import { DELTA_LIMITS, type DeltaLimits } from '../changelog/syncLimits'
import { type HookRecord, type HookStore, hookStore, recordOf } from '../changelog/webhookStore'
import { changeTag, isTableId } from '../records/table'
import type { WebhooksApi } from '../webhooksApi'
import { type FollowCause, follow, lookAtField, type Seen, touches } from './syncField'

export interface FollowOptions {
  runtime?: CronRuntime
  store?: HookStore
  limits?: DeltaLimits
}

/** A timer may wake a little before its time. */
const MARGIN_MS = 100

/**
 * Answers after how many ms it wants to be called once more, with the cause `again`; undefined for never. `since`: when
 * the first of the calls began that have wanted this one, in ms since 1970; else it was a moment ago.
 */
export type FollowChanges = (
  record: HookRecord,
  cause: FollowCause,
  signal: AbortSignal,
  since?: number,
) => Promise<number | undefined>

export function followChanges(
  fields: readonly AnyField[],
  api: () => Promise<WebhooksApi>,
  { runtime = fieldRuntime(), store = hookStore(runtime), limits = DELTA_LIMITS }: FollowOptions = {},
): FollowChanges {
  return async (record, cause, signal, since = runtime.ports.clock.now()) => {
    const options = { announced: cause === 'ping', quiet: cause === 'again', signal }
    const run = createChangeRun(await api(), record, options)
    const followers = fields.filter(isAirtableField).filter((field) => isWatched(field, run))
    const failures: unknown[] = []
    const changed: AirtableField<unknown>[] = []
    let again = false
    let { followed } = record
    /** Whoever dies between a value that catches up and telling of it leaves that to the next drain. */
    const catchUp = async (cursor: number) => {
      if (cursor >= followed) return
      followed = cursor
      await store.save({ ...record, followed })
    }
    const seen = await Promise.all(followers.map((field) => lookAtField(runtime, field)))
    if (cause !== 'again') await run.drainFrom(Math.min(followed, ...seen.map((one) => cursorOf(one, run))))
    // Lists first: they take a moment, and reading everything may take half a minute.
    for (const one of seen.sort((first, second) => rank(first) - rank(second))) {
      signal.throwIfAborted()
      try {
        const told = await follow(runtime, one, run, { limits, cause, since, catchUp })
        again ||= told.again
        if (told.changed) changed.push(one.field)
      } catch (error) {
        if (runtime.ports.isControlFlow(error)) throw error
        failures.push(error)
      }
    }
    if (cause !== 'again') {
      // Not from where the fields were: whoever died after they had followed may have told nobody.
      const drained = await run.drainFrom(record.followed)
      changed.push(...followers.filter((field) => touches(drained, field)))
    }
    const tags = [...new Set(changed.map(({ airtable }) => changeTag(airtable.table)))]
    if (tags.length > 0) await invalidateTags(tags, runtime)
    if (failures.length > 0) throw failures[0]
    const cursor = run.end()
    // What is looked at once more may change once more, and that has to be told, too.
    if (!again) followed = cursor
    if (cause === 'met' || cursor > record.cursor || followed !== record.followed)
      await store.save({ ...recordOf({ ...record, cursor }, runtime.ports.clock.now(), record), followed })
    return again ? limits.lagMs + MARGIN_MS : undefined
  }
}

const rank = ({ field: { airtable } }: Seen): number => (airtable.list ? 0 : 1)

/** From where the log is listed once for all fields, as far as they have followed it. */
function cursorOf({ standing }: Seen, { record }: ChangeRun): number {
  const mark = standing?.mark
  return mark?.hook === record.id ? mark.cursor : record.followed
}

export function isWatched(
  { airtable }: AirtableField<unknown>,
  { record }: Pick<ChangeRun, 'record'>,
): boolean {
  const { baseId, tableId } = airtable.table.locate()
  return (
    baseId === record.baseId &&
    (record.scope === null || !isTableId(record.scope) || sameTable(record.scope, tableId))
  )
}

/** A table that is given by its name may be any of them. */
const sameTable = (known: string, given: string): boolean => known === given || !isTableId(given)

/**
 * Updates all fields that read a base after Airtable has announced a change. Readers are served the old value until the
 * new one replaces it.
 */
import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { invalidateTags } from '../../cache/invalidate'
import { fieldRuntime } from '../../cache/processContext'
import { type AirtableField, isAirtableField } from '../airtableField'
import { type ChangeLog, createChangeLog } from '../changelog/changeLog'
import { DELTA_LIMITS, type DeltaLimits } from '../changelog/syncLimits'
import { buildRecord, type HookRecord, type HookStore, hookStore } from '../changelog/webhookStore'
import { changeTag, isTableId } from '../records/table'
import type { WebhooksApi } from '../webhooksApi'
import { type FieldState, readFieldState, type SyncCause, syncField, touches } from './syncField'

export interface SyncOptions {
  runtime?: CronRuntime
  store?: HookStore
  limits?: DeltaLimits
}

/** Added to the delay of a recheck, in ms, because a timer may fire a little early. */
const MARGIN_MS = 100

/**
 * Resolves with the delay after which it must be called again with the cause `recheck`, in ms; with undefined when no
 * recheck is needed. `since`: when the first of the calls began that asked for this recheck, in ms since 1970.
 * @default since: now
 */
export type SyncFields = (
  record: HookRecord,
  cause: SyncCause,
  signal: AbortSignal,
  since?: number,
) => Promise<number | undefined>

/** Tries all fields, then rejects with the error of the first that failed. */
export function syncFields(
  fields: readonly AnyField[],
  api: () => Promise<WebhooksApi>,
  { runtime = fieldRuntime(), store = hookStore(runtime), limits = DELTA_LIMITS }: SyncOptions = {},
): SyncFields {
  return async (record, cause, signal, since = runtime.ports.clock.now()) => {
    const options = { announced: cause === 'ping', quiet: cause === 'recheck', signal }
    const log = createChangeLog(await api(), record, options)
    const watching = fields.filter(isAirtableField).filter((field) => isWatched(field, log))
    const failures: unknown[] = []
    const changed: AirtableField<unknown>[] = []
    let recheck = false
    let { followed } = record
    // Written before the value. If this instance dies in between, the next sync invalidates the derived values.
    const lowerFollowed = async (cursor: number) => {
      if (cursor >= followed) return
      followed = cursor
      await store.save({ ...record, followed })
    }
    const states = await Promise.all(watching.map((field) => readFieldState(runtime, field)))
    if (cause !== 'recheck')
      await log.readFrom(Math.min(followed, ...states.map((state) => getCursor(state, log))))
    // Lists come first: a delta takes a moment, a full read up to half a minute.
    for (const state of states.sort((first, second) => rank(first) - rank(second))) {
      signal.throwIfAborted()
      try {
        const result = await syncField(runtime, state, log, { limits, cause, since, lowerFollowed })
        recheck ||= result.recheck
        if (result.changed) changed.push(state.field)
      } catch (error) {
        if (runtime.ports.isControlFlow(error)) throw error
        failures.push(error)
      }
    }
    if (cause !== 'recheck') {
      // Reads from `record.followed`, not from the cursors of the fields: an instance that died after updating a field
      // may not have invalidated what is derived from it.
      const changes = await log.readFrom(record.followed)
      changed.push(...watching.filter((field) => touches(changes, field)))
    }
    const tags = [...new Set(changed.map(({ airtable }) => changeTag(airtable.table)))]
    if (tags.length > 0) await invalidateTags(tags, runtime)
    if (failures.length > 0) throw failures[0]
    const cursor = log.end()
    // A recheck may change a value again, and its derived values have to be invalidated then, too.
    if (!recheck) followed = cursor
    if (cause === 'met' || cursor > record.cursor || followed !== record.followed)
      await store.save({ ...buildRecord({ ...record, cursor }, runtime.ports.clock.now(), record), followed })
    return recheck ? limits.lagMs + MARGIN_MS : undefined
  }
}

const rank = ({ field: { airtable } }: FieldState): number => (airtable.list ? 0 : 1)

/** Starting at the lowest of these cursors lists the log once for all fields. */
function getCursor({ value }: FieldState, { record }: ChangeLog): number {
  const mark = value?.mark
  return mark?.hook === record.id ? mark.cursor : record.followed
}

export function isWatched(
  { airtable }: AirtableField<unknown>,
  { record }: Pick<ChangeLog, 'record'>,
): boolean {
  const { baseId, tableId } = airtable.table.locate()
  return (
    baseId === record.baseId &&
    (record.scope === null || !isTableId(record.scope) || mayBeTable(record.scope, tableId))
  )
}

/** A table given by its name may be any of them. */
const mayBeTable = (known: string, given: string): boolean => known === given || !isTableId(given)

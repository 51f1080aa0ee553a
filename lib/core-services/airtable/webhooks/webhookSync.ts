/** Syncs the fields of a webhook. Readers are served the old value until the new one replaces it. */
import type { WebhookCause } from '../../../shared/events'
import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { invalidateTags } from '../../cache/invalidate'
import { fieldRuntime } from '../../cache/processContext'
import { serviceRegistry } from '../../service-registry'
import { type AirtableField, isAirtableField } from '../airtableField'
import { type ChangeLog, createChangeLog } from '../changelog/changeLog'
import { unlessRefused } from '../changelog/payloads'
import { DELTA_LIMITS, type DeltaLimits } from '../changelog/syncLimits'
import { buildRecord, type HookRecord, type HookStore, hookStore } from '../changelog/webhookStore'
import { changeTag, isTableId } from '../records/table'
import { type FieldState, readFieldState, type SyncCause, syncField, touches } from '../sync/syncField'
import { createWebhooksApi, type WebhooksApi } from '../webhooksApi'
import type { WebhookSync } from './pingQueue'
import type { Hook } from './verifyPing'

/** Added to the delay of a recheck, in ms, because a timer may fire a little early. */
const MARGIN_MS = 100

export const airtableWebhooks = async (): Promise<WebhooksApi> =>
  createWebhooksApi(await serviceRegistry.getService('airtable'))

export interface WebhookSyncOptions {
  api?: () => Promise<WebhooksApi>
  runtime?: CronRuntime
  store?: HookStore
  limits?: DeltaLimits
}

type Scope = Required<WebhookSyncOptions> & { fields: readonly AirtableField<unknown>[] }

interface Sync {
  record: HookRecord
  cause: SyncCause
  signal: AbortSignal
  /** For a recheck: when the first sync that asked for it began, in ms since 1970. */
  since: number
}

export function createWebhookSync(
  fields: readonly AnyField[],
  {
    api = airtableWebhooks,
    runtime = fieldRuntime(),
    store = hookStore(runtime),
    limits = DELTA_LIMITS,
  }: WebhookSyncOptions = {},
): WebhookSync {
  const scope: Scope = { api, runtime, store, limits, fields: fields.filter(isAirtableField) }
  return async (hook, cause, signal, since) => {
    const opened = await openRecord(scope, hook, cause, signal)
    if (opened === null) return {}
    const recheckAfterMs = await syncFields(scope, {
      ...opened,
      signal,
      since: since ?? runtime.ports.clock.now(),
    })
    return { recheckAfterMs, pauseMs: getPauseMs(scope, opened.record) }
  }
}

/** Saves the first record of a webhook. Null when Airtable does not know the webhook. */
async function openRecord(
  scope: Scope,
  hook: Hook,
  cause: WebhookCause,
  signal: AbortSignal,
): Promise<Pick<Sync, 'record' | 'cause'> | null> {
  const known = (await scope.store.read(hook.baseId)).find(({ id }) => id === hook.webhookId)
  if (known) return { record: known, cause }
  const record = await meet(scope, hook, signal)
  if (!record) return null
  // Saved before the sync: values that are read from now on need a mark.
  await scope.store.save(record)
  return { record, cause: 'met' }
}

/** A webhook hidden from the key counts as one that watches the whole base. */
async function meet(
  { api, runtime }: Scope,
  { baseId, webhookId }: Hook,
  signal: AbortSignal,
): Promise<HookRecord | undefined> {
  const service = await api()
  const webhooks = await unlessRefused(() => service.list(baseId, { signal }))
  const hidden = { scope: null, cursorForNextPayload: 1 }
  const webhook = webhooks === null ? hidden : webhooks.find(({ id }) => id === webhookId)
  if (!webhook) return undefined
  const { scope, cursorForNextPayload: cursor } = webhook
  return buildRecord({ id: webhookId, baseId, scope, cursor }, runtime.ports.clock.now())
}

/** The shortest `syncEvery` of the tables that fields read and the webhook watches, in ms. */
function getPauseMs({ fields }: Scope, record: HookRecord): number {
  const watched = fields.filter((field) => isWatched(field, record))
  const seconds = watched.map(({ airtable }) => airtable.table.syncEvery ?? 0)
  return seconds.length === 0 ? 0 : 1000 * Math.min(...seconds)
}

/** Tries all fields, then rejects with the first error. Resolves with the delay of a needed recheck, in ms. */
async function syncFields(scope: Scope, { record, cause, signal, since }: Sync): Promise<number | undefined> {
  const { api, runtime, store, limits } = scope
  const options = { announced: cause === 'ping', quiet: cause === 'recheck', signal }
  const log = createChangeLog(await api(), record, options)
  const watching = scope.fields.filter((field) => isWatched(field, record))
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
  const run = { runtime, log, limits, cause, since, lowerFollowed }
  // Lists come first: a delta takes a moment, a full read up to half a minute.
  for (const state of states.sort((first, second) => rank(first) - rank(second))) {
    signal.throwIfAborted()
    try {
      const result = await syncField(run, state)
      recheck ||= result.recheck
      if (result.changed) changed.push(state.field)
    } catch (error) {
      if (runtime.ports.isControlFlow(error)) throw error
      failures.push(error)
    }
  }
  if (cause !== 'recheck') {
    // Reads from `record.followed`, not from the cursors of the fields: an instance that died after updating a field may
    // not have invalidated what is derived from it.
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

const rank = ({ field: { airtable } }: FieldState): number => (airtable.list ? 0 : 1)

/** Starting at the lowest of these cursors lists the log once for all fields. */
function getCursor({ value }: FieldState, { record }: ChangeLog): number {
  const mark = value?.mark
  return mark?.hook === record.id ? mark.cursor : record.followed
}

function isWatched({ airtable }: AirtableField<unknown>, { baseId, scope }: HookRecord): boolean {
  const table = airtable.table.locate()
  return (
    baseId === table.baseId &&
    (scope === null || !isTableId(scope) || scope === table.tableId || !isTableId(table.tableId))
  )
}

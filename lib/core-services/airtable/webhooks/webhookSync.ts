/** Syncs the fields of a webhook, for pings, the cron and rechecks. */
import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { fieldRuntime } from '../../cache/processContext'
import { serviceRegistry } from '../../service-registry'
import { isAirtableField } from '../airtableField'
import { unlessRefused } from '../changelog/payloads'
import { DELTA_LIMITS, type DeltaLimits } from '../changelog/syncLimits'
import { buildRecord, type HookRecord, type HookStore, hookStore } from '../changelog/webhookStore'
import type { SyncCause } from '../sync/syncField'
import { isWatched, syncFields } from '../sync/syncFields'
import { createWebhooksApi, type WebhooksApi } from '../webhooksApi'
import type { WebhookSync, WebhookSyncResult } from './pingQueue'
import type { Hook } from './verifyPing'

export const airtableWebhooks = async (): Promise<WebhooksApi> =>
  createWebhooksApi(await serviceRegistry.getService('airtable'))

export interface WebhookSyncOptions {
  api?: () => Promise<WebhooksApi>
  runtime?: CronRuntime
  store?: HookStore
  limits?: DeltaLimits
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
  const sync = syncFields(fields, api, { runtime, store, limits })
  const syncRecord = async (
    record: HookRecord,
    cause: SyncCause,
    signal: AbortSignal,
    since?: number,
  ): Promise<WebhookSyncResult> => ({
    recheckAfterMs: await sync(record, cause, signal, since),
    pauseMs: getPauseMs(fields, record),
  })
  return async (hook, cause, signal, since) => {
    const known = (await store.read(hook.baseId)).find(({ id }) => id === hook.webhookId)
    if (known) return syncRecord(known, cause, signal, since)
    const met = await meet(hook, api, runtime, signal)
    if (!met) return {}
    // Saved before the sync: values that are read from now on need a mark.
    await store.save(met)
    return syncRecord(met, 'met', signal)
  }
}

/** The shortest `syncEvery` of the tables that fields read and the webhook watches, in ms. */
function getPauseMs(fields: readonly AnyField[], record: HookRecord): number {
  const watched = fields.filter(isAirtableField).filter((field) => isWatched(field, { record }))
  const seconds = watched.map(({ airtable }) => airtable.table.syncEvery ?? 0)
  return seconds.length === 0 ? 0 : 1000 * Math.min(...seconds)
}

/**
 * Builds the first record of a webhook; undefined when Airtable does not know the webhook. A webhook hidden from the key
 * counts as one that watches the whole base.
 */
async function meet(
  { baseId, webhookId }: Hook,
  api: () => Promise<WebhooksApi>,
  { ports: { clock } }: CronRuntime,
  signal: AbortSignal,
): Promise<HookRecord | undefined> {
  const service = await api()
  const webhooks = await unlessRefused(() => service.list(baseId, { signal }))
  const hidden = { scope: null, cursorForNextPayload: 1 }
  const webhook = webhooks === null ? hidden : webhooks.find(({ id }) => id === webhookId)
  if (!webhook) return undefined
  const { scope, cursorForNextPayload: cursor } = webhook
  return buildRecord({ id: webhookId, baseId, scope, cursor }, clock.now())
}

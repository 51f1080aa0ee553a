/** What a drain does in this app, for the route of pings and for the cron. */
import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { fieldRuntime } from '../../cache/processContext'
import { serviceRegistry } from '../../service-registry'
import { isAirtableField } from '../airtableField'
import { unlessRefused } from '../changelog/payloads'
import { DELTA_LIMITS, type DeltaLimits } from '../changelog/syncLimits'
import { buildRecord, type HookRecord, type HookStore, hookStore } from '../changelog/webhookStore'
import { isWatched, syncFields } from '../sync/syncFields'
import { createWebhooksApi, type WebhooksApi } from '../webhooksApi'
import type { WebhookSync } from './pingQueue'
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
  const follow = syncFields(fields, api, { runtime, store, limits })
  /** Only a table that wants a pause makes an answer of two parts. */
  const withRest = (record: HookRecord, again: number | undefined) => {
    const restMs = getPauseMs(fields, record)
    return restMs > 0 ? { again, restMs } : again
  }
  return async (hook, cause, signal, since) => {
    const known = (await store.read(hook.baseId)).find(({ id }) => id === hook.webhookId)
    if (known) return withRest(known, await follow(known, cause, signal, since))
    const met = await meet(hook, api, runtime, signal)
    if (!met) return undefined
    // Before it is followed: what is read from now on has to tell from where on it is behind.
    await store.save(met)
    return withRest(met, await follow(met, 'met', signal))
  }
}

/** By the table that wants its changes soonest, of those that are read and that the webhook watches, in ms. */
function getPauseMs(fields: readonly AnyField[], record: HookRecord): number {
  const watched = fields.filter(isAirtableField).filter((field) => isWatched(field, { record }))
  const seconds = watched.map(({ airtable }) => airtable.table.syncEvery ?? 0)
  return seconds.length === 0 ? 0 : 1000 * Math.min(...seconds)
}

/**
 * What is to be noted of a webhook that nobody has met yet; undefined for one that Airtable does not know. One that the
 * key may not see can have watched the whole base.
 */
async function meet(
  { baseId, webhookId }: Hook,
  api: () => Promise<WebhooksApi>,
  { ports: { clock } }: CronRuntime,
  signal: AbortSignal,
): Promise<HookRecord | undefined> {
  const service = await api()
  const webhooks = await unlessRefused(() => service.list(baseId, { signal }))
  const unseen = { scope: null, cursorForNextPayload: 1 }
  const webhook = webhooks === null ? unseen : webhooks.find(({ id }) => id === webhookId)
  if (!webhook) return undefined
  const { scope, cursorForNextPayload: cursor } = webhook
  return buildRecord({ id: webhookId, baseId, scope, cursor }, clock.now())
}

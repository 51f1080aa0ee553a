/** What a drain does in this app, for the route of pings and for the cron. */
import { hasCode } from '../../cache/engine/errors'
import type { AnyField } from '../../cache/engine/fieldConfig'
import { type CronRuntime, fieldRuntime } from '../../cache/fieldRuntime'
import { serviceRegistry } from '../../service-registry'
import { createWebhooksApi, type WebhooksApi } from '../webhooksApi'
import { type HookStore, hookStore } from './hookStore'
import type { Drain } from './pings'
import { refreshChanged } from './refreshChanged'
import type { Hook } from './verifiedPing'

export const airtableWebhooks = async (): Promise<WebhooksApi> =>
  createWebhooksApi(await serviceRegistry.getService('airtable'))

export function drainInto(
  fields: readonly AnyField[],
  api: () => Promise<WebhooksApi> = airtableWebhooks,
  runtime: CronRuntime = fieldRuntime(),
  store: HookStore = hookStore(runtime),
): Drain {
  const drain = refreshChanged(fields, api, runtime)
  return async (hook, cause, signal) => {
    await assertKnown(hook, api, store, signal)
    await drain(hook, cause, signal)
  }
}

/** A webhook that no cron has met yet is noted before its first drain, with where its changes stood by then. */
async function assertKnown(
  { baseId, webhookId }: Hook,
  api: () => Promise<WebhooksApi>,
  store: HookStore,
  signal: AbortSignal,
): Promise<void> {
  if ((await store.read(baseId)).some(({ id }) => id === webhookId)) return
  try {
    const known = (await (await api()).list(baseId, { signal })).find(({ id }) => id === webhookId)
    if (known)
      await store.save({ id: webhookId, baseId, scope: known.scope, cursor: known.cursorForNextPayload })
  } catch (error) {
    // A key that may read changes need not be one that may list webhooks.
    if (!hasCode(error, 'AIRTABLE_FORBIDDEN')) throw error
  }
}

/** What a drain does in this app, for the route of pings and for the cron. */
import type { AnyField } from '../../cache/engine/fieldConfig'
import { type CronRuntime, fieldRuntime } from '../../cache/fieldRuntime'
import { serviceRegistry } from '../../service-registry'
import { createWebhooksApi, type WebhooksApi } from '../webhooksApi'
import { followChanges } from './followChanges'
import { type HookRecord, type HookStore, hookStore } from './hookStore'
import type { Drain } from './pings'
import type { Hook } from './verifiedPing'

export const airtableWebhooks = async (): Promise<WebhooksApi> =>
  createWebhooksApi(await serviceRegistry.getService('airtable'))

export function drainInto(
  fields: readonly AnyField[],
  api: () => Promise<WebhooksApi> = airtableWebhooks,
  runtime: CronRuntime = fieldRuntime(),
  store: HookStore = hookStore(runtime),
): Drain {
  const follow = followChanges(fields, api, { runtime, store })
  return async (hook, cause, signal) => {
    const known = (await store.read(hook.baseId)).find(({ id }) => id === hook.webhookId)
    const record = known ?? (await meet(hook, api, signal))
    return record && follow(record, known ? cause : 'met', signal)
  }
}

/** What is to be noted of a webhook that nobody has met yet; undefined for one that Airtable does not know. */
async function meet(
  { baseId, webhookId }: Hook,
  api: () => Promise<WebhooksApi>,
  signal: AbortSignal,
): Promise<HookRecord | undefined> {
  const webhook = (await (await api()).list(baseId, { signal })).find(({ id }) => id === webhookId)
  return webhook && { id: webhookId, baseId, scope: webhook.scope, cursor: webhook.cursorForNextPayload }
}

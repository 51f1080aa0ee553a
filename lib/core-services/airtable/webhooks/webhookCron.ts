import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronOptions } from '../../cache/operations/scheduledRefresh'
import { fieldRuntime } from '../../cache/processContext'
import { webhookSecrets } from '../airtableConfig'
import { hookStore } from '../changelog/webhookStore'
import { maintainWebhooks } from './maintainWebhooks'
import { airtableWebhooks, createWebhookSync } from './webhookSync'

/** Returns what the cron needs to maintain webhooks; nothing when the environment holds no secret of a webhook. */
export function webhookMaintenance(fields: readonly AnyField[]): Pick<CronOptions, 'maintain'> {
  const secrets = webhookSecrets()
  if (secrets.size === 0) return {}
  const runtime = fieldRuntime()
  const api = airtableWebhooks
  return {
    maintain: (remainingMs) =>
      maintainWebhooks({
        fields,
        secrets,
        api,
        sync: createWebhookSync(fields),
        store: hookStore(runtime),
        runtime,
        remainingMs,
      }),
  }
}

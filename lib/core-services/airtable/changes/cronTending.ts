import { webhookSecrets } from '../../../config/airtableConfig'
import type { AnyField } from '../../cache/engine/fieldConfig'
import { fieldRuntime } from '../../cache/fieldRuntime'
import type { WarmupOptions } from '../../cache/refreshDueFields'
import { airtableWebhooks, drainInto } from './drain'
import { hookStore } from './hookStore'
import { tendWebhooks } from './tendWebhooks'

/** What the cron does about the webhooks of these fields; nothing while the environment has the secret of none. */
export function tendingOf(fields: readonly AnyField[]): Pick<WarmupOptions, 'tend'> {
  const secrets = webhookSecrets()
  if (secrets.size === 0) return {}
  const runtime = fieldRuntime()
  const api = airtableWebhooks
  return {
    tend: (remainingMs) =>
      tendWebhooks({
        fields,
        secrets,
        api,
        drain: drainInto(fields),
        store: hookStore(runtime),
        runtime,
        remainingMs,
      }),
  }
}

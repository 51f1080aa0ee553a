import { refreshConfig } from '../../config/appConfig'
import { webhookMaintenance } from '../../core-services/airtable/webhooks/maintainWebhooks'
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { refreshDueFields } from '../../core-services/cache/operations/scheduledRefresh'
import { holdsSecret } from '../auth/bearer'
import { NO_STORE } from '../headers'
import { problemResponse, unauthorized } from '../problem'

/** The time that is reserved for the answer, in ms. */
const RESERVE_MS = 5_000

/** Answers 200 with the result of each field and webhook, 502 with the same body when one of them failed. */
export async function answerCron(
  request: Request,
  fields: readonly AnyField[],
  maxDurationSeconds: number,
): Promise<Response> {
  const trusted = holdsSecret(request, 'CRON_SECRET')
  try {
    if (!trusted) throw unauthorized('CRON_SECRET')
    const run = await refreshDueFields(fields, {
      budgetMs: maxDurationSeconds * 1000 - RESERVE_MS,
      enabled: refreshConfig().warmupEnabled,
      ...webhookMaintenance(fields),
    })
    const failed = [...run.fields, ...run.webhooks].some(({ outcome }) => outcome === 'failed')
    return Response.json(run, { status: failed ? 502 : 200, headers: NO_STORE })
  } catch (error) {
    return problemResponse(request, error, { label: 'Failed to refresh the fields', trusted })
  }
}

/** How webhooks were doing when the cron looked after them last: for health and for the page of the admin. */

import type { WebhookOutcome } from '../../../shared/events'
import { isRedisFailure } from '../../cache/errors'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { webhookSecrets } from '../airtableConfig'

export interface WebhookReport {
  /** How many the environment has a secret of. */
  configured: number
  /** When the cron looked, in ms since 1970; null when it never did, or when Redis cannot tell. */
  at: number | null
  webhooks: readonly WebhookOutcome[]
}

const KIND = 'webhook-report'
const NAME = 'last'
/** Longer than anybody should let the cron rest, in s. */
const KEPT_SECONDS = 30 * 86_400

type Runtime = Pick<CronRuntime, 'sharedRecords' | 'ports'>
type Stored = Pick<WebhookReport, 'at' | 'webhooks'>

/** Rejects with a REDIS_ error. */
export async function saveWebhookReport(
  { sharedRecords, ports }: Runtime,
  webhooks: readonly WebhookOutcome[],
): Promise<void> {
  const report: Stored = { at: ports.clock.now(), webhooks }
  await (await sharedRecords()).write(KIND, NAME, report, KEPT_SECONDS)
}

/** One billed command, and none where there are no webhooks. */
export async function readWebhookReport({
  sharedRecords,
}: Pick<Runtime, 'sharedRecords'>): Promise<WebhookReport> {
  const secrets = webhookSecrets()
  const nothing: WebhookReport = { configured: secrets.size, at: null, webhooks: [] }
  if (secrets.size === 0) return nothing
  try {
    const [stored] = await (await sharedRecords()).read<Stored>(KIND, [NAME])
    if (!stored) return nothing
    // One whose secret was taken out is nobody's concern any more.
    return { ...nothing, ...stored, webhooks: stored.webhooks.filter(({ webhook }) => secrets.has(webhook)) }
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return nothing
  }
}

/** Whether any of them needs somebody. */
export const isTroubled = ({ outcome }: WebhookOutcome): boolean => outcome === 'dead' || outcome === 'failed'

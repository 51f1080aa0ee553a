/** Stores the state of the webhooks at the last run of the cron, for the health route and the admin page. */

import type { WebhookOutcome } from '../../../shared/events'
import { isRedisFailure } from '../../cache/errors'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { webhookSecrets } from '../airtableConfig'

export interface WebhookReport {
  /** How many webhooks have a secret in the environment. */
  configured: number
  /** When the cron ran, in ms since 1970; null for never, or while Redis is down. */
  at: number | null
  webhooks: readonly WebhookOutcome[]
}

const KIND = 'webhook-report'
const NAME = 'last'
/** Longer than any sensible interval of the cron, in s. */
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

/** Costs one billed command, none without webhooks. */
export async function readWebhookReport({
  sharedRecords,
}: Pick<Runtime, 'sharedRecords'>): Promise<WebhookReport> {
  const secrets = webhookSecrets()
  const nothing: WebhookReport = { configured: secrets.size, at: null, webhooks: [] }
  if (secrets.size === 0) return nothing
  try {
    const [stored] = await (await sharedRecords()).read<Stored>(KIND, [NAME])
    if (!stored) return nothing
    return { ...nothing, ...stored, webhooks: stored.webhooks.filter(({ webhook }) => secrets.has(webhook)) }
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return nothing
  }
}

export const isTroubled = ({ outcome }: WebhookOutcome): boolean => outcome === 'dead' || outcome === 'failed'

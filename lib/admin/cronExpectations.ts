/** What the cron is there for in this app: for health and the page of the admin. */

import { cronMaxSilenceHours, refreshConfig } from '../config/appConfig'
import { webhookSecrets } from '../core-services/airtable/airtableConfig'
import type { AnyField } from '../core-services/cache/fields/fieldConfig'
import type { CronExpectations } from '../core-services/metrics/cronHealth'

export function cronExpectations(fields: readonly AnyField[]): CronExpectations {
  const keeps = refreshConfig().warmupEnabled && fields.some(({ refreshEvery }) => refreshEvery !== undefined)
  return { expected: keeps || webhookSecrets().size > 0, maxSilenceHours: cronMaxSilenceHours() }
}

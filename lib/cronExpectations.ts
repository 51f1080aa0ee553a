/** What the cron is there for in this app: for health and the page of the admin. */
import { webhookSecrets } from './config/airtableConfig'
import { cronMaxSilenceHours, refreshConfig } from './config/appConfig'
import type { AnyField } from './core-services/cache/engine/fieldConfig'
import type { CronExpectations } from './core-services/metrics/cronHealth'

export function cronExpectations(fields: readonly AnyField[]): CronExpectations {
  const keeps = refreshConfig().warmupEnabled && fields.some(({ refreshEvery }) => refreshEvery !== undefined)
  return { expected: keeps || webhookSecrets().size > 0, maxSilenceHours: cronMaxSilenceHours() }
}

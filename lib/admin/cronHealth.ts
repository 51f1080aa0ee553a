/** Whether the cron runs as it should, for health and the admin page: a cron that stops reports no error itself. */
import { cronMaxSilenceHours, refreshConfig } from '../config/appConfig'
import { webhookSecrets } from '../core-services/airtable/airtableConfig'
import type { AnyField } from '../core-services/cache/fields/fieldConfig'
import type { MetricsSnapshot } from '../core-services/metrics/snapshot'

export interface CronHealth {
  /** False when a run is overdue. Whether the last run went well is in `lastRun`. */
  ok: boolean
  /** Whether there is anything for the cron to do: fields to refresh by the clock, or webhooks to maintain. */
  expected: boolean
  lastRun: MetricsSnapshot['lastCronRun']
  /** Since its last run, or since counting began; null when that is not known. */
  silentSeconds: number | null
  maxSilenceSeconds: number
}

export interface CronExpectations {
  expected: boolean
  maxSilenceHours: number
}

export function cronExpectations(fields: readonly AnyField[]): CronExpectations {
  const refreshes =
    refreshConfig().warmupEnabled && fields.some(({ refreshEvery }) => refreshEvery !== undefined)
  return { expected: refreshes || webhookSecrets().size > 0, maxSilenceHours: cronMaxSilenceHours() }
}

/** Without the numbers of the whole deployment the cron counts as healthy. */
export function cronHealth(
  { enabled, scope, takenAt, since, lastCronRun }: MetricsSnapshot,
  { expected, maxSilenceHours }: CronExpectations,
): CronHealth {
  const known = enabled && scope === 'deployment'
  const silentSeconds = known ? Math.max(0, Math.round((takenAt - (lastCronRun?.at ?? since)) / 1000)) : null
  const maxSilenceSeconds = maxSilenceHours * 3_600
  return {
    ok: !expected || silentSeconds === null || silentSeconds <= maxSilenceSeconds,
    expected,
    lastRun: lastCronRun,
    silentSeconds,
    maxSilenceSeconds,
  }
}

/** The dead man's switch of the cron: nobody else would notice that it does not run. */
import type { MetricsSnapshot } from './snapshot'
import type { CronRun } from './table/lastEvents'

export interface CronHealth {
  /** False when it should have run and did not. Whether its last run went well is told by `lastRun`. */
  ok: boolean
  /** Whether there is anything for it to do. */
  expected: boolean
  lastRun: CronRun | null
  /** Since its last run, or since anything was counted; null when that is not known. */
  silentSeconds: number | null
  maxSilenceSeconds: number
}

export interface CronExpectations {
  /** Whether there is anything for it to do. */
  expected: boolean
  maxSilenceHours: number
}

/** Without numbers of the whole deployment nothing is held against it. */
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

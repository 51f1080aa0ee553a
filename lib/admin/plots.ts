/** Metrics over time, as the admin page draws them. */
import type { MetricsSnapshot, SeriesPoint, Traffic } from '../core-services/metrics/snapshot'

export type PlotPoint = Pick<
  SeriesPoint,
  'at' | 'hitRate' | 'p95Ms' | 'sourceCalls' | 'sourceFailures' | 'redisCommands'
>

/** The bars of a period, oldest first, and its totals. */
export interface PlotPeriod extends Omit<PlotPoint, 'at'> {
  points: PlotPoint[]
}

export interface Plots {
  hour: PlotPeriod
  day: PlotPeriod
}

export function buildPlots({ series, windows }: MetricsSnapshot): Plots {
  return { hour: buildPeriod(series.minutes, windows['1h']), day: buildPeriod(series.hours, windows['24h']) }
}

function buildPeriod(points: readonly SeriesPoint[], { fields, system }: Traffic): PlotPeriod {
  return {
    points: points.map(({ at, hitRate, p95Ms, sourceCalls, sourceFailures, redisCommands }) => ({
      at,
      hitRate,
      p95Ms,
      sourceCalls,
      sourceFailures,
      redisCommands,
    })),
    hitRate: fields.hitRate,
    p95Ms: fields.readLatency.p95Ms,
    sourceCalls: fields.sourceCalls,
    sourceFailures: Object.values(fields.refreshes).reduce((sum, { failed }) => sum + failed, 0),
    redisCommands: system.redis.commands,
  }
}

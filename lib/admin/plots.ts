/** Metrics over time, as the admin page draws them. */
import type { MetricsSnapshot, SeriesPoint, Traffic } from '../core-services/metrics/snapshot'

export interface PlotPoint {
  /** When it begins, ms since 1970. */
  at: number
  /** From 0 to 1; null without reads. */
  hitRate: number | null
  /** 95 of 100 reads were answered within this time, in ms; null without reads. */
  p95Ms: number | null
  sourceCalls: number
  /** Calls that failed. */
  sourceFailures: number
  redisCommands: number
}

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

/** Rows of durations, counted in buckets that are the same in every instance and release: they are merged by adding. */
import { type Counts, increase, toName } from '../counts'
import type { Description, From, Metric } from './row'

/** Inclusive upper bounds, in ms. Longer durations fall into one more bucket at the end. */
export const BUCKETS_MS: readonly number[] = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
]

interface HistogramRow extends Description {
  stored: string
  unit: 'ms'
  from: From<number>
}

export function histogram(row: HistogramRow): Metric<ReturnType<typeof readLatency>> {
  return {
    ...row,
    type: 'histogram',
    record({ sums }, name, durationMs: number) {
      increase(sums, toName(name, toBucket(durationMs)))
      increase(sums, toName(name, 'ms'), durationMs)
    },
    read: readLatency,
    toSamples({ buckets, sumMs, count }) {
      let within = 0
      const cumulative = buckets.map((more, index) => {
        within += more
        const bound = BUCKETS_MS[index]
        const le = bound === undefined ? '+Inf' : String(bound / 1000)
        return { suffix: '_bucket' as const, value: within, labels: { le } }
      })
      return [...cumulative, { suffix: '_sum', value: sumMs / 1000 }, { suffix: '_count', value: count }]
    },
  }
}

function readLatency({ sums }: Counts, name: string) {
  const buckets = [...BUCKETS_MS, Infinity].map((_, index) => sums.get(`${name}:${index}`) ?? 0)
  return {
    count: sumUp(buckets),
    sumMs: sums.get(`${name}:ms`) ?? 0,
    p50Ms: quantile(0.5, buckets),
    p95Ms: quantile(0.95, buckets),
    p99Ms: quantile(0.99, buckets),
    buckets,
  }
}

const sumUp = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)

export function toBucket(durationMs: number): number {
  const index = BUCKETS_MS.findIndex((bound) => durationMs <= bound)
  return index === -1 ? BUCKETS_MS.length : index
}

/**
 * The duration, in ms, within which a share (0 to 1) of the work was done; null when there was none. Interpolated linearly
 * within its bucket, as `histogram_quantile` of Prometheus does. Beyond the last bound it is that bound.
 */
export function quantile(share: number, buckets: readonly number[]): number | null {
  const total = sumUp(buckets)
  if (total === 0) return null
  const rank = share * total
  let below = 0
  for (const [index, upper] of BUCKETS_MS.entries()) {
    const count = buckets[index] ?? 0
    if (count > 0 && below + count >= rank) {
      const lower = BUCKETS_MS[index - 1] ?? 0
      return lower + ((upper - lower) * (rank - below)) / count
    }
    below += count
  }
  return BUCKETS_MS.at(-1) ?? null
}

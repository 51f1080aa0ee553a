/** Durations counted in fixed buckets: every instance and release has the same ones, so histograms are merged by adding. */

/** Inclusive upper bounds, in ms. Longer durations fall into one more bucket at the end. */
export const BUCKETS_MS: readonly number[] = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
]

/** How long a kind of work took; quantiles are null when there was none. */
export interface Latency {
  count: number
  sumMs: number
  p50Ms: number | null
  p95Ms: number | null
  p99Ms: number | null
  /** Durations by bucket: up to that bound of BUCKETS_MS and above the one before; the last: above all bounds. */
  buckets: readonly number[]
}

export function toLatency(buckets: readonly number[], sumMs: number): Latency {
  return {
    count: buckets.reduce((sum, count) => sum + count, 0),
    sumMs,
    p50Ms: quantile(0.5, buckets),
    p95Ms: quantile(0.95, buckets),
    p99Ms: quantile(0.99, buckets),
    buckets,
  }
}

/** The index of the bucket that a duration falls into. */
export function toBucket(durationMs: number): number {
  const index = BUCKETS_MS.findIndex((bound) => durationMs <= bound)
  return index === -1 ? BUCKETS_MS.length : index
}

/**
 * The duration, in ms, within which a share (0 to 1) of the work was done; null when there was none. Interpolated linearly
 * within its bucket, as `histogram_quantile` of Prometheus does. Beyond the last bound it is that bound.
 */
export function quantile(share: number, buckets: readonly number[]): number | null {
  const total = buckets.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const rank = share * total
  let below = 0
  for (const [index, count] of buckets.entries()) {
    const upper = BUCKETS_MS[index]
    if (upper === undefined) break
    if (count > 0 && below + count >= rank) {
      const lower = BUCKETS_MS[index - 1] ?? 0
      return lower + ((upper - lower) * (rank - below)) / count
    }
    below += count
  }
  return BUCKETS_MS.at(-1) ?? null
}

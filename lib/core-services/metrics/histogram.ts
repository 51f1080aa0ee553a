/** Durations counted in buckets that are the same everywhere and for ever, so that merging is adding. */

/** Upper bounds, in ms, inclusive. A duration beyond the last one has a bucket of its own at the end. */
export const BUCKETS_MS: readonly number[] = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
]

/** The bucket that a duration falls into. */
export function bucketOf(durationMs: number): number {
  const index = BUCKETS_MS.findIndex((bound) => durationMs <= bound)
  return index === -1 ? BUCKETS_MS.length : index
}

/**
 * The duration that a share of all stayed within, in ms, interpolated linearly within its bucket as `histogram_quantile`
 * of Prometheus does: as if durations were spread evenly there. Beyond the last bound it is that bound. Null for nothing.
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

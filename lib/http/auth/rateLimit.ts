/** Token buckets by name, in the memory of one process. */

export interface RateLimitOptions {
  /** How many are let through in a row. */
  burst: number
  /** After them one in so many ms. */
  everyMs: number
}

export interface RateLimit {
  /** Ms until the next one of this name is let through; 0 when this one is, and counted. `now`: monotonic, ms. */
  take(name: string, now: number): number
}

/** Forgetting a name fills its bucket: names are dropped when so many others came after it. */
const NAMES_KEPT = 1_000

export function createRateLimit({ burst, everyMs }: RateLimitOptions): RateLimit {
  const buckets = new Map<string, { left: number; at: number }>()
  return {
    take(name, now) {
      const { left: before, at } = buckets.get(name) ?? { left: burst, at: now }
      const left = Math.min(burst, before + (now - at) / everyMs)
      const through = left >= 1
      buckets.delete(name)
      buckets.set(name, { left: through ? left - 1 : left, at: now })
      const [oldest] = buckets.keys()
      if (buckets.size > NAMES_KEPT && oldest !== undefined) buckets.delete(oldest)
      return through ? 0 : Math.max(1, Math.ceil((1 - left) * everyMs))
    },
  }
}

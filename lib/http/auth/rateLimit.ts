/** Keeps token buckets by name, in the memory of one process. */
import { LRUCache } from 'lru-cache'

export interface RateLimitOptions {
  burst: number
  /** How long one more request takes to become available after a burst, in ms. */
  everyMs: number
}

export interface RateLimit {
  /** Returns 0 when the request is allowed, else the ms until the next one is. `now`: monotonic, in ms. */
  take(name: string, now: number): number
}

/** Forgetting a name fills its bucket, so only the least recent names are dropped. */
const NAMES_KEPT = 1_000

interface Bucket {
  left: number
  /** Monotonic, in ms. */
  at: number
}

export function createRateLimit({ burst, everyMs }: RateLimitOptions): RateLimit {
  const buckets = new LRUCache<string, Bucket>({ max: NAMES_KEPT })
  return {
    take(name, now) {
      const { left: before, at } = buckets.get(name) ?? { left: burst, at: now }
      const left = Math.min(burst, before + (now - at) / everyMs)
      const isAllowed = left >= 1
      buckets.set(name, { left: isAllowed ? left - 1 : left, at: now })
      return isAllowed ? 0 : Math.max(1, Math.ceil((1 - left) * everyMs))
    },
  }
}

import { readFieldCache } from '../fieldCacheService'
import type { FieldCacheConfig } from '../fields/fieldConfig'
import type { FieldRuntime } from '../fields/fieldRuntime'
import { invalidateField, invalidateTags } from '../invalidate'

export interface CacheBucketMetrics {
  hits: number
  misses: number
}

export type DomainMetrics<Bucket extends string> = Record<Bucket, CacheBucketMetrics> & {
  invalidations: number
}

export interface DomainCache<Bucket extends string> {
  /**
   * A hit is an answer from the cache; a miss is one for which this caller's fetcher ran, even if it failed. A caller
   * that joined another fetch counts as neither. Rejects as `getFieldCache` does.
   */
  read<T>(bucket: Bucket, field: FieldCacheConfig<T>): Promise<T>
  /** Counted when called, as in `invalidateTags`. Rejects with INVALIDATION_FAILED. */
  invalidate(field: Pick<FieldCacheConfig<never>, 'key'>): Promise<void>
  invalidateTags(tags: readonly string[]): Promise<void>
  getMetrics(): DomainMetrics<Bucket>
}

export function createDomainCache<Bucket extends string>(
  buckets: readonly Bucket[],
  runtime: () => FieldRuntime,
): DomainCache<Bucket> {
  const counts = new Map(buckets.map((bucket) => [bucket, { hits: 0, misses: 0 }]))
  let invalidations = 0

  function count(bucket: Bucket, kind: keyof CacheBucketMetrics): void {
    const counted = counts.get(bucket)
    if (counted) counted[kind] += 1
  }

  return {
    async read(bucket, field) {
      let fetched = false
      const fetcher: typeof field.fetcher = (context) => {
        fetched = true
        return field.fetcher(context)
      }
      let fromCache = false
      try {
        const { data, status } = await readFieldCache({ ...field, fetcher }, 'never', runtime())
        // The fetch of a stale answer runs in the background.
        fromCache = status === 'hit' || status === 'stale' || (status === 'degraded' && !fetched)
        return data
      } finally {
        if (fromCache) count(bucket, 'hits')
        else if (fetched) count(bucket, 'misses')
      }
    },
    async invalidate(field) {
      invalidations += 1
      await invalidateField(field, runtime())
    },
    async invalidateTags(tags) {
      invalidations += 1
      await invalidateTags(tags, runtime())
    },
    getMetrics: () => {
      const copies = [...counts].map(([bucket, counted]) => [bucket, { ...counted }])
      return { ...(Object.fromEntries(copies) as Record<Bucket, CacheBucketMetrics>), invalidations }
    },
  }
}

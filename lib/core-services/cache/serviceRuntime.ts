import type { CacheService } from './cacheService'
import type { AsideRuntime, CronRuntime } from './fields/fieldRuntime'
import type { WatchRuntime } from './operations/watchRuntime'

/** The part of a runtime that comes from the cache service. */
type ServiceRuntime = Pick<CronRuntime, 'locks'> &
  Pick<AsideRuntime, 'removeByPattern'> &
  Pick<WatchRuntime, 'sharedRecords' | 'entryHeaders'>

/** Takes locks, records, headers of entries and patterns from a cache service, which is only asked for when it is used. */
export function createServiceRuntime(service: () => Promise<CacheService>): ServiceRuntime {
  return {
    locks: async () => (await service()).lock,
    sharedRecords: async () => (await service()).sharedRecords,
    entryHeaders: async () => (await service()).entryHeaders,
    async removeByPattern(glob) {
      const removed = await (await service()).attempt((redis) => redis.deleteByPattern(glob))
      if (removed.ok) return removed.value
      throw removed.error
    },
  }
}

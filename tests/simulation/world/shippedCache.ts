/** The shipped cache, as the simulation drives it. */

import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { FieldContext } from '@/lib/core-services/cache/fields/fieldContext'
import type { FieldRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { createFieldStore } from '@/lib/core-services/cache/fields/store/fieldStore'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { createRuntime as buildRuntime, type RuntimeServices } from '@/lib/core-services/cache/runtime'
import { rememberIn } from '@/lib/testing/fieldProcess'
import { DEADLINE_MS, keySpace, settled } from '../../kit/simulation/network'
import type { CacheUnderTest, SimField, StartCache, Surroundings } from './cacheUnderTest'
import type { ForceOptions } from './forceOptions'
import { createDoors } from './operations/doors'
import { FETCH_TIMEOUT_MS, SOFT_DEADLINE_MS } from './times'

export const startShippedCache: StartCache = (surroundings) => {
  const runtime = createRuntime(surroundings)
  return {
    read: (field, force) => readFieldCache(field, force ? 'always' : 'never', runtime),
    force: (field, options) => forceAs(runtime, field, options),
    invalidateTags: (tags) => invalidateTags(tags, runtime),
    invalidateField: (field) => invalidateField(field, runtime),
    doors: createDoors(runtime, surroundings.connection),
  }
}

export function createRuntime({
  connection: { send, sendTogether },
  ports,
  goesUncached,
  release = 'sim',
}: Pick<Surroundings, 'connection' | 'ports' | 'goesUncached' | 'release'>): FieldRuntime {
  const store = createFieldStore(send, settled(sendTogether), 100, keySpace, ports)
  const runtime = buildRuntime({
    ports,
    settings: {
      deployment: release,
      refreshTimeoutMs: FETCH_TIMEOUT_MS,
      batchSize: 100,
      memoryBytes: 1_000_000,
      patience: { softMs: SOFT_DEADLINE_MS, hardMs: DEADLINE_MS },
      cipherFor: undefined,
    },
    remember: rememberIn(),
    // Reads and refreshes ask for no other service.
    services: async () => ({ fieldStore: store }) as RuntimeServices,
    clean: (text) => text,
  })
  const { singleFlight } = runtime
  const told =
    <T>(name: string, work: () => Promise<T>) =>
    () => {
      if (name.startsWith('uncached ')) goesUncached()
      return work()
    }
  return {
    ...runtime,
    store: async () => store,
    singleFlight: {
      ...singleFlight,
      run: (name, work) => singleFlight.run(name, told(name, work)),
      queue: (name, by, work, demanding) => singleFlight.queue(name, by, told(name, work), demanding),
    },
  }
}

/** As `getFieldCache`, `refreshCache`, the cron and the changes of a source ask for it. */
async function forceAs(
  runtime: FieldRuntime,
  field: SimField,
  { by, purge }: ForceOptions,
): ReturnType<CacheUnderTest['read']> {
  if (by === 'anonymous') return readFieldCache(field, 'anonymous', runtime)
  if (by === 'user' && !purge) return readFieldCache(field, 'always', runtime)
  const { entry, stored } = await forceRefresh(runtime, field, by === 'user' ? 'force' : by, { purge })
  return {
    data: await new FieldContext(runtime, field).openFetched(entry),
    status: stored ? 'refreshed' : 'miss',
  }
}

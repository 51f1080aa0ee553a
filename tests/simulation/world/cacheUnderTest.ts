/** The cache of one process, as the simulation drives it: the shipped one, or one that is known to be wrong. */

import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import type { FieldRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import { createFieldStore } from '@/lib/core-services/cache/fields/store/fieldStore'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import type { SendTogether } from '@/lib/core-services/cache/redis/batchedSends'
import type { Ports } from '@/lib/shared/ports'
import { createEmptyMemory } from '@/lib/testing/fieldProcess'
import { keySpace } from './names'
import { type Connection, DEADLINE_MS, SOFT_DEADLINE_MS } from './network'
import { createDoors, type Doors } from './operations/doors'
import { forceAs, type Wish } from './operations/wishes'
import { FETCH_TIMEOUT_MS, type Value } from './source'

export type SimField = FieldCacheConfig<Value>

export interface CacheUnderTest {
  read(field: SimField, force: boolean): Promise<{ data: Value; status: string }>
  /** A force as others ask for it. Absent where all forces are alike. */
  force?(field: SimField, wish: Wish): ReturnType<CacheUnderTest['read']>
  invalidateTags(tags: readonly string[]): Promise<void>
  invalidateField(field: SimField): Promise<void>
  /** Absent where there are no other doors. */
  doors?: Promise<Doors>
}

export interface Surroundings {
  connection: Connection
  ports: Ports
  /** Of the app, where there are several. */
  release?: string | undefined
  /** Every field there is: a cache without tokens has to know what carries a tag. */
  fields: readonly SimField[]
  /** Told of each fetch that is about to begin without a lease, because Redis cannot be asked or keeps changing. */
  goesUncached(): void
}

export type StartCache = (surroundings: Surroundings) => CacheUnderTest

export const startShippedCache: StartCache = (surroundings) => {
  const runtime = createRuntime(surroundings)
  return {
    read: (field, force) => readFieldCache(field, force ? 'always' : 'never', runtime),
    force: (field, wish) => forceAs(runtime, field, wish),
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
  const memory = createEmptyMemory(
    { commandTimeoutMs: SOFT_DEADLINE_MS, commandHardTimeoutMs: DEADLINE_MS },
    1_000_000,
    ports.clock,
  )
  const { singleFlight } = memory
  const told =
    <T>(name: string, work: () => Promise<T>) =>
    () => {
      if (name.startsWith('uncached ')) goesUncached()
      return work()
    }
  return {
    ...memory,
    ports,
    store: async () => store,
    singleFlight: {
      ...singleFlight,
      run: (name, work) => singleFlight.run(name, told(name, work)),
      queue: (name, by, work, demanding) => singleFlight.queue(name, by, told(name, work), demanding),
    },
    deployment: release,
    refreshTimeoutMs: FETCH_TIMEOUT_MS,
  }
}

/** The commands of a request have outcomes of their own; here they all fare alike. */
export function settled(sendTogether: Connection['sendTogether']): SendTogether {
  return async (commands) => (await sendTogether(commands)).map((value) => ({ status: 'fulfilled', value }))
}

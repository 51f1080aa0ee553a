/** The cache of one process, as the simulation drives it: the shipped one, or one that is known to be wrong. */

import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import type { StrictCommands } from '@/lib/core-services/cache/redis/commands/strictCommands'
import type { Ports } from '@/lib/shared/ports'
import type { ForceOptions } from './forceOptions'
import type { Connection } from './network'
import type { Removal } from './plan'
import type { Value } from './value'

export type SimField = FieldCacheConfig<Value>

export interface Doors {
  get: StrictCommands['get']
  set: StrictCommands['set']
  /** Rejects unless it was recorded. */
  remove(field: SimField, by: Removal): Promise<void>
}

export interface CacheUnderTest {
  read(field: SimField, force: boolean): Promise<{ data: Value; status: string }>
  /** A force as others ask for it. Absent where all forces are alike. */
  force?(field: SimField, options: ForceOptions): ReturnType<CacheUnderTest['read']>
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

/**
 * The cache-aside face: key, loader and options where they are used. Other names for the engine of the fields, not a
 * second one: the same entries, tokens, leases and events.
 */

import type { FieldStatus } from '../../shared/events'
import { asideField, type CacheAsideOptions } from './cache-aside/asideField'
import { batchGet } from './cache-aside/batchGet'
import type { BatchSource } from './cache-aside/batchLoader'
import { type WarmItem, type WarmOutcome, warm } from './cache-aside/warm'
import { readFieldCache } from './fieldCacheService'
import type { FetchContext } from './fields/fieldConfig'
import type { AsideRuntime } from './fields/fieldRuntime'
import { invalidateField, invalidatePattern } from './invalidate'
import { fieldRuntime } from './processContext'

export type { BatchSource, CacheAsideOptions, WarmItem, WarmOutcome }

export interface CacheAsideAnswer<T> {
  data: T
  status: FieldStatus
  /** Whole seconds since the fetch of the value began. */
  age: number
}

export interface CacheAside {
  /**
   * The value of a key: the stored one while it is of use, else a loaded one. The key of a configured field is read as
   * that field; of the options none counts then. Rejects with a SOURCE_ error when there is nothing to serve, and with
   * OPTIONS_INVALID or FIELD_INVALID for options that cannot be meant.
   */
  get<T>(
    key: string,
    loader: (context: FetchContext) => Promise<T>,
    options?: CacheAsideOptions<T>,
  ): Promise<CacheAsideAnswer<T>>
  /**
   * The values of many keys, in their order; null for what the source does not have, which is cached like any value (so
   * a schema has to allow null). The source is called once for all that are missing, of CACHE_BATCH_SIZE keys at a
   * time, and answers a value for each, in their order; `undefined` counts as null. Keys that another caller is fetching
   * are waited for. Rejects as soon as one key cannot be answered: SOURCE_INVALID when the source answers another number
   * of values, else as `get` does.
   */
  batchGet<T>(
    keys: readonly string[],
    source: BatchSource<T>,
    options?: CacheAsideOptions<T | null>,
  ): Promise<(T | null)[]>
  /**
   * A read that starts after this has resolved returns nothing that was fetched before it was called; in another
   * instance, one that starts a second later. Rejects with INVALIDATION_FAILED.
   */
  invalidate(key: string): Promise<void>
  /**
   * The same for all keys of a pattern such as `orders:*`, which are removed besides; answers how many that were. Walks
   * the whole database twice, and the process forgets all that it has in memory: tags are cheaper.
   */
  invalidatePattern(glob: string): Promise<number>
  /**
   * Loads what is not fresh, a few at a time, and tells of each what came of it, in the order given. Only errors by
   * which Next steers rendering are thrown.
   */
  warm(items: readonly WarmItem[]): Promise<WarmOutcome[]>
}

export function createCacheAside(runtime: () => AsideRuntime = fieldRuntime): CacheAside {
  return {
    async get(key, loader, options) {
      const { data, status, age } = await readFieldCache(asideField(key, loader, options), 'never', runtime())
      return { data, status, age }
    },
    batchGet: (keys, source, options = {}) => batchGet(runtime(), keys, source, options),
    invalidate: (key) => invalidateField({ key }, runtime()),
    invalidatePattern: (glob) => invalidatePattern(glob, runtime()),
    warm: (items) => warm(runtime(), items),
  }
}

/** The cache-aside face of this process. */
export const cacheAside: CacheAside = createCacheAside()

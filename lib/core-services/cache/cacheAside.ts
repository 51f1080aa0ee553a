/** Caching at the place of use: key, loader, options. The same entries, tokens, leases and events as fields. */

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
   * Returns the stored value of a key, or loads it. The key of a configured field is read as that field, and `options`
   * are ignored. Rejects with a SOURCE_ error when there is nothing to serve, and with OPTIONS_INVALID or FIELD_INVALID
   * for invalid options.
   */
  get<T>(
    key: string,
    loader: (context: FetchContext) => Promise<T>,
    options?: CacheAsideOptions<T>,
  ): Promise<CacheAsideAnswer<T>>
  /**
   * The values of many keys, in their order. Null where the source has none, which is cached like any value, so a
   * schema must allow null. The source is called once for all missing keys, up to CACHE_BATCH_SIZE at a time, and
   * returns a value for each in order; `undefined` counts as null. Keys that another caller fetches are waited for.
   * Rejects as soon as one key fails: with SOURCE_INVALID when the source returns another number of values, else as
   * `get` does.
   */
  batchGet<T>(
    keys: readonly string[],
    source: BatchSource<T>,
    options?: CacheAsideOptions<T | null>,
  ): Promise<(T | null)[]>
  /**
   * A read that starts after this has resolved never returns a value fetched before the call; in another instance, a
   * read that starts a second later. Rejects with INVALIDATION_FAILED.
   */
  invalidate(key: string): Promise<void>
  /**
   * The same for all keys of a pattern such as `orders:*`, and removes them. Resolves with how many there were. Walks
   * the whole database twice, and clears the memory of the process: prefer tags.
   */
  invalidatePattern(glob: string): Promise<number>
  /**
   * Loads what is not fresh, a few at a time. Resolves with the outcome of each item in order. Rejects only with errors
   * by which Next steers rendering.
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

export const cacheAside: CacheAside = createCacheAside()

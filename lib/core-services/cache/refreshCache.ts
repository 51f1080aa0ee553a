import { type FieldCacheConfig, findFieldByKey } from './fields/fieldConfig'
import { FieldContext } from './fields/fieldContext'
import { forceRefresh } from './fields/refresh/forceRefresh'
import { fieldRuntime } from './processContext'

/**
 * Fetches a value for `cacheKey` and stores it for `ttl` seconds. A failing fetcher leaves the old value in place. With
 * `purge`, a new value that Redis refuses (a full database, a value that is too large) also removes the old one.
 *
 * A configured field's key gets an entry of that field, checked by its schema. Rejects with SOURCE_FAILED,
 * SOURCE_TIMEOUT, SOURCE_INVALID or SOURCE_UNFINISHED.
 */
export async function refreshCache<T>(
  cacheKey: string,
  fetcher: FieldCacheConfig<T>['fetcher'],
  ttl: number | 'forever',
  purge = false,
): Promise<T> {
  const configured = findFieldByKey(cacheKey) as FieldCacheConfig<T> | undefined
  const field = { ...(configured ?? { name: cacheKey, key: cacheKey }), fetcher, ttl }
  const runtime = fieldRuntime()
  const { entry } = await forceRefresh(runtime, field, 'force', { purge })
  return new FieldContext(runtime, field).openFetched(entry)
}

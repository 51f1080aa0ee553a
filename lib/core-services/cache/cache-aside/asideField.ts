/** The field that a key, a loader and options at the place of use stand for. */

import { secondsProblem } from '../../../shared/durations'
import { codedError } from '../../../shared/errors'
import { describeValue } from '../../../shared/text'
import type { StandardSchema } from '../entry/schema'
import { type FieldCacheConfig, findFieldByKey } from '../fields/fieldConfig'

export interface CacheAsideOptions<T> {
  /** Seconds that a value is of use: fresh, or with `staleMarkerTtl` fresh and then stale. An hour by default. */
  ttl?: number
  /**
   * Seconds past `ttl` in which the value is still served at once, while it is refreshed in the background. `true`
   * together with `staleMarkerTtl` takes these seconds from the end of `ttl` instead.
   */
  staleWhileRevalidate?: number | true
  /**
   * Seconds after which a value is stale, fewer than `ttl`. `{ ttl: 86_400, staleWhileRevalidate: true, staleMarkerTtl:
   * 300 }` is fresh for five minutes, and served while it is refreshed for the rest of the day: for a field that is
   * `{ ttl: 300, staleWhileRevalidate: 86_100 }`.
   */
  staleMarkerTtl?: number
  /** Any Standard Schema: checked on fresh values and on values read back. */
  schema?: StandardSchema<T>
  /** `invalidateTags` with any of them makes the key a miss. */
  tags?: readonly string[]
  /** What events, metrics and errors call it: a name for all keys of a kind, not one for each. */
  name?: string
}

const DEFAULT_TTL_SECONDS = 3_600
export const DEFAULT_NAME = 'cache-aside'

/** Of a configured field only the fetcher is another. Throws OPTIONS_INVALID. */
export function asideField<T>(
  key: string,
  fetcher: FieldCacheConfig<T>['fetcher'],
  options: CacheAsideOptions<T> = {},
): FieldCacheConfig<T> {
  assertOptions(options)
  const configured = findFieldByKey(key) as FieldCacheConfig<T> | undefined
  if (configured) return { ...configured, fetcher }
  const { schema, tags, name = DEFAULT_NAME } = options
  return {
    name,
    key,
    fetcher,
    ...toWindows(options),
    ...(schema && { schema }),
    ...(tags && { tags }),
  }
}

function assertOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  throw codedError(
    'OPTIONS_INVALID',
    `The options of cacheAside are ${describeValue(options)}, not an object`,
    {
      hint: 'Give { ttl: 60 } for a minute.',
    },
  )
}

function toWindows({
  ttl = DEFAULT_TTL_SECONDS,
  staleWhileRevalidate,
  staleMarkerTtl,
}: CacheAsideOptions<unknown>): Pick<FieldCacheConfig<unknown>, 'ttl' | 'staleWhileRevalidate'> {
  assertSeconds('ttl', ttl)
  if (staleMarkerTtl !== undefined) assertSeconds('staleMarkerTtl', staleMarkerTtl)
  if (typeof staleWhileRevalidate === 'number') assertSeconds('staleWhileRevalidate', staleWhileRevalidate)
  if (staleWhileRevalidate !== true && staleMarkerTtl === undefined)
    return { ttl, ...(staleWhileRevalidate !== undefined && { staleWhileRevalidate }) }
  if (staleWhileRevalidate !== true || staleMarkerTtl === undefined || !(staleMarkerTtl < ttl))
    throw codedError('OPTIONS_INVALID', 'The windows of staleness contradict each other', {
      hint: 'Give staleWhileRevalidate in seconds, or true together with a staleMarkerTtl that is less than ttl.',
    })
  return { ttl: staleMarkerTtl, staleWhileRevalidate: ttl - staleMarkerTtl }
}

/** Under the name that the caller has given it: a field is made of differences between them. */
function assertSeconds(option: string, seconds: number): void {
  const problem = secondsProblem(option, seconds)
  if (problem === undefined) return
  throw codedError('OPTIONS_INVALID', `The options of cacheAside cannot be used: ${problem}`, {
    hint: 'Give ttl, staleWhileRevalidate and staleMarkerTtl as whole numbers of seconds.',
  })
}

import { secondsProblem } from '../../../shared/durations'
import { codedError } from '../../../shared/errors'
import { describeValue, isObject } from '../../../shared/text'
import type { StandardSchema } from '../entry/schema'
import { type FieldCacheConfig, findFieldByKey } from '../fields/fieldConfig'

export interface CacheAsideOptions<T> {
  /** Seconds until the value ends: fresh, or with `staleMarkerTtl` fresh and then stale. @default 3_600 */
  ttl?: number
  /**
   * Seconds past `ttl` in which the value is still served while it is refreshed in the background. `true` together with
   * `staleMarkerTtl` takes them from the end of `ttl` instead. @default 0
   */
  staleWhileRevalidate?: number | true
  /**
   * Seconds after which a value is stale, fewer than `ttl`. `{ ttl: 86_400, staleWhileRevalidate: true, staleMarkerTtl:
   * 300 }` is fresh for five minutes, and served while it is refreshed for the rest of the day. As a field: `{ ttl:
   * 300, staleWhileRevalidate: 86_100 }`. @default never
   */
  staleMarkerTtl?: number
  /** Any Standard Schema: checks fresh values and values read back. @default none */
  schema?: StandardSchema<T>
  /** `invalidateTags` with any of them makes the key a miss. @default none */
  tags?: readonly string[]
  /** Name in events, metrics and errors: one for all keys of a kind. @default 'cache-aside' */
  name?: string
}

const DEFAULT_TTL_SECONDS = 3_600
export const DEFAULT_NAME = 'cache-aside'

/** A configured field keeps its own options and gets only the fetcher. Throws OPTIONS_INVALID. */
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
  if (isObject(options)) return
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

/** Reports an option under the caller's name: the field's windows are computed from several. */
function assertSeconds(option: string, seconds: number): void {
  const problem = secondsProblem(option, seconds)
  if (problem === undefined) return
  throw codedError('OPTIONS_INVALID', `The options of cacheAside cannot be used: ${problem}`, {
    hint: 'Give ttl, staleWhileRevalidate and staleMarkerTtl as whole numbers of seconds.',
  })
}

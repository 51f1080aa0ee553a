/** What callers ask of a force: the options in which those of one key can differ. */

import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import { openEntry } from '@/lib/core-services/cache/fields/refresh/fetchEntry'
import { forceRefresh } from '@/lib/core-services/cache/refreshCache'
import type { CacheUnderTest, SimField } from '../cacheUnderTest'
import { FETCH_TIMEOUT_MS } from '../source'

/** A user, one without the admin's token, the cron, and Airtable with its changes. */
export const ASKERS = ['user', 'anonymous', 'cron', 'change'] as const

export interface Wish {
  by: (typeof ASKERS)[number]
  /** In s. */
  ttl: number
  /** 0 for that of the field, 1 for another one. */
  fetcher: number
  purge: boolean
  timeoutMs: number
}

/** What a force asks for that names nothing else. */
export const plainWish = ({ ttl }: { ttl: number }): Wish => ({
  by: 'user',
  ttl,
  fetcher: 0,
  purge: false,
  timeoutMs: FETCH_TIMEOUT_MS,
})

/** As `getFieldCache`, `refreshCache`, the cron and the changes of a source ask for it. */
export async function forceAs(
  runtime: FieldRuntime,
  field: SimField,
  { by, purge }: Wish,
): ReturnType<CacheUnderTest['read']> {
  if (by === 'anonymous') return readFieldCache(field, 'anonymous', runtime)
  if (by === 'user' && !purge) return readFieldCache(field, 'always', runtime)
  const { entry, stored } = await forceRefresh(runtime, field, by === 'user' ? 'force' : by, purge)
  return { data: await openEntry(field, entry), status: stored ? 'refreshed' : 'miss' }
}

/** The reasons of the fetches that may serve it. */
export function reasonsFor({ by }: Wish): readonly string[] {
  if (by === 'cron' || by === 'change') return ['force', by]
  return ['force']
}

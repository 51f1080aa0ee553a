import 'server-only'
import { connection } from 'next/server'
import { type Overview, readOverview } from '../admin/overview'
import { type FieldAnswer, readFieldCache } from '../core-services/cache/fieldCacheService'
import type { AnyField, FieldCacheConfig } from '../core-services/cache/fields/fieldConfig'
import { inThisRequest } from './thisRequest'

/**
 * Waits for a request first, so that a build never calls Redis or a source. With Cache Components, call it below a
 * `<Suspense>` boundary.
 */
export async function readFieldForPage<T>(config: FieldCacheConfig<T>): Promise<FieldAnswer<T>> {
  await connection()
  return inThisRequest(() => readFieldCache(config))
}

/** Waits for a request first, as `readForPage` does. */
export async function readOverviewForPage(fields: readonly AnyField[]): Promise<Overview> {
  await connection()
  return inThisRequest(() => readOverview(fields))
}

import 'server-only'
import { connection } from 'next/server'
import type { FieldCacheConfig } from '../core-services/cache/engine/fieldConfig'
import { type FieldAnswer, readFieldCache } from '../core-services/cache/fieldCacheService'

/**
 * A field for a Server Component: waits for a request first, so that a build never asks Redis or a source. With Cache
 * Components, call it below a `<Suspense>` boundary.
 */
export async function readFieldForPage<T>(config: FieldCacheConfig<T>): Promise<FieldAnswer<T>> {
  await connection()
  return readFieldCache(config)
}

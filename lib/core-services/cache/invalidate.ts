/**
 * Invalidation: one command that makes any number of entries misses, wherever they are and whoever is fetching them.
 * Reads degrade when Redis fails; invalidations never lie: they resolve only when Redis has recorded them.
 */
import { codedError, isRedisFailure } from './engine/errors'
import type { FieldCacheConfig } from './engine/fieldConfig'
import { ownGuard, tagGuard } from './engine/tokens'
import { type FieldRuntime, fieldRuntime } from './fieldRuntime'

/** A read that starts after this has resolved returns nothing that was fetched before it was called. */
export function invalidateTags(
  tags: readonly string[],
  runtime: FieldRuntime = fieldRuntime(),
): Promise<void> {
  return invalidate(runtime, tags.map(tagGuard))
}

export function invalidateField(
  { key }: Pick<FieldCacheConfig<unknown>, 'key'>,
  runtime: FieldRuntime = fieldRuntime(),
): Promise<void> {
  return invalidate(runtime, [ownGuard(key)])
}

async function invalidate(runtime: FieldRuntime, guards: readonly string[]): Promise<void> {
  if (guards.length === 0) return
  try {
    const store = await runtime.store()
    // Drawn anew for each attempt: a lost request that is applied late must not bring back a token that stood before.
    const write = () =>
      store.writeTokens(
        guards.map((guard) => [store.names.guard(guard), runtime.ports.uniqueToken()] as const),
      )
    await write().catch((error: unknown) => (isRedisFailure(error) ? write() : Promise.reject(error)))
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    throw codedError('INVALIDATION_FAILED', `Redis did not record the invalidation: ${error.message}`, {
      hint: 'Old values may still be served until their ttl ends: invalidate again.',
      cause: error,
      retryAfter: 1,
    })
  }
}

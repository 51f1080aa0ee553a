/**
 * Invalidation: one command that makes any number of entries misses, wherever they are, also while they are fetched.
 * Reads degrade when Redis fails; invalidations never lie: they resolve only when Redis has recorded them.
 */

import { codedError } from '../../shared/errors'
import { describeValue } from '../../shared/text'
import type { Windows } from './entry/freshness'
import { COARSE_GUARD, ownGuard, tagGuards } from './entry/versionTokens'
import { isRedisFailure, tagInvalid } from './errors'
import { type AnyField, assertKeyAndWindows } from './fields/fieldConfig'
import { tokenSeconds } from './fields/fieldKeys'
import type { FieldRuntime, PatternRuntime } from './fields/fieldRuntime'
import type { FieldStore } from './fields/store/fieldStore'
import { fieldRuntime } from './processContext'
import { tagProblem } from './redis/commands/keySpace'

/**
 * A read that starts after this has resolved, and after the `memoryTtl` of the field in other instances, returns nothing
 * that was fetched before it was called. Rejects with INVALIDATION_FAILED.
 */
export async function invalidateTags(
  tags: readonly string[],
  runtime: FieldRuntime = fieldRuntime(),
): Promise<void> {
  if (tags.length === 0) return
  assertTags(tags)
  const guards = tagGuards(tags)
  await recorded(runtime, guards, (store) =>
    store.writeTokens([...guards, COARSE_GUARD].map((guard) => newToken(runtime, store, guard))),
  )
}

function assertTags(tags: readonly string[]): void {
  for (const tag of tags) {
    const problem = tagProblem(tag)
    if (problem !== undefined) throw tagInvalid(tag, problem)
  }
}

/** The same for one field, or one member of a family. */
export async function invalidateField(
  field: Pick<AnyField, 'key'> & Partial<Windows>,
  runtime: FieldRuntime = fieldRuntime(),
): Promise<void> {
  assertKeyAndWindows(field)
  const guard = ownGuard(field.key)
  await recorded(runtime, [guard], (store) =>
    store.writeTokens([{ ...newToken(runtime, store, guard), seconds: tokenSeconds(field, guard) }]),
  )
}

/**
 * The same for all fields with keys of a pattern such as `orders:*`, wherever their values are, and removes what stands under
 * these keys. Answers how many keys that were. Walks the whole database twice: prefer
 * tags. The process forgets everything that it has in memory. Rejects with INVALIDATION_FAILED.
 */
export async function invalidatePattern(
  glob: string,
  runtime: PatternRuntime = fieldRuntime(),
): Promise<number> {
  let count = 0
  await recorded(runtime, [`pattern:${describeValue(glob)}`], async () => {
    count += await runtime.removeByPattern(glob)
  })
  return count
}

const newToken = ({ ports }: FieldRuntime, { names }: FieldStore, guard: string) => ({
  name: names.guard(guard),
  token: ports.uniqueToken(),
})

async function recorded(
  runtime: FieldRuntime,
  guards: readonly string[],
  write: (store: FieldStore) => Promise<void>,
): Promise<void> {
  runtime.memoryCache.dropGuarded(guards)
  try {
    const store = await runtime.store()
    // Tokens are drawn anew for each attempt: a lost request that is applied late must not bring back one that stood.
    await write(store).catch((error: unknown) =>
      isRedisFailure(error) ? write(store) : Promise.reject(error),
    )
    // What was asked for before and came meanwhile.
    runtime.memoryCache.dropGuarded(guards)
    runtime.ports.emit({ type: 'field.invalidated', guards })
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    throw codedError('INVALIDATION_FAILED', `Redis did not record the invalidation: ${error.message}`, {
      hint: 'Old values may still be served until their ttl ends: invalidate again.',
      cause: error,
      retryAfter: 1,
    })
  }
}

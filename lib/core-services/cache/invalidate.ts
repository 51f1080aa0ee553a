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
 * A read that starts after this has resolved (in other instances: and after the field's `memoryTtl`) never returns a
 * value fetched before the call. Rejects with INVALIDATION_FAILED.
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
 * The same for all fields with keys of a pattern such as `orders:*`, and removes what these keys hold. Resolves with
 * how many keys there were. Walks the whole database twice and clears the memory of the process: prefer tags. Rejects
 * with INVALIDATION_FAILED.
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
    // New tokens for each attempt: a lost request that arrives late must not restore an older one.
    await write(store).catch((error: unknown) =>
      isRedisFailure(error) ? write(store) : Promise.reject(error),
    )
    // A copy may have been read before the write and kept during it.
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

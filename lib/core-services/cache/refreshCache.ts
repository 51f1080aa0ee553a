/** The refresh path: fetch, check, and put the new value in the place of the old one for everybody at once. */
import { type Entry, encodeEntry } from './engine/entry'
import { forceContended, hasCode, isRedisFailure } from './engine/errors'
import type { RefreshReason } from './engine/events'
import { type AnyField, type FieldCacheConfig, findFieldByKey } from './engine/fieldConfig'
import type { FieldStore } from './engine/fieldStore'
import { allPresent, lifetimeOf } from './engine/look'
import { guardNames, ownGuard, type Token, tokenMap } from './engine/tokens'
import { fetchEntry, openEntry } from './fetchEntry'
import { type FieldRuntime, fieldRuntime } from './fieldRuntime'
import { reportRefresh } from './fillField'

export interface Refreshed {
  entry: Entry
  /** False when Redis did not take it. */
  stored: boolean
  /** How long the source took, in ms. */
  sourceMs: number
}

/** A force whose tokens changed while it fetched begins again, this often in all. */
const ATTEMPTS = 3

/**
 * Fetches a value for `cacheKey` and stores it for `ttl` seconds. What was stored before is only ever overwritten, so a
 * failing fetcher costs nobody anything. With `purge`, a fresh value that Redis refuses to take (a full database, a
 * value that is too large) also removes the old one, so that nobody is served what is known to be outdated.
 *
 * The key of a configured field gets an entry of that field, checked by its schema. Rejects with SOURCE_FAILED,
 * SOURCE_TIMEOUT or SOURCE_INVALID.
 */
export async function refreshCache<T>(
  cacheKey: string,
  fetcher: FieldCacheConfig<T>['fetcher'],
  ttl: number | 'forever',
  purge = false,
): Promise<T> {
  const configured = findFieldByKey(cacheKey) as FieldCacheConfig<T> | undefined
  const field = { ...(configured ?? { name: cacheKey, key: cacheKey }), fetcher, ttl }
  return openEntry(field, (await forceRefresh(fieldRuntime(), field, 'force', purge)).entry)
}

/**
 * Fetches now, even if a fresh value is stored. Once it has answered `stored`, no read that starts later returns
 * anything fetched before this call. Others are served what is there until the new value replaces it; a source that
 * fails leaves it there. Rejects with a SOURCE_ error, or FORCE_CONTENDED when others kept getting in between.
 */
export function forceRefresh(
  runtime: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  purge = false,
): Promise<Refreshed> {
  return runtime.flights.queue(`force ${field.key}`, field.fetcher, async () => {
    let store: FieldStore
    try {
      store = await runtime.store()
      return await forceInto(runtime, store, field, reason, purge)
    } catch (error) {
      if (!isRedisFailure(error)) throw error
      runtime.ports.emit({
        type: 'redis.degraded',
        operation: 'force',
        code: error.code,
        message: error.message,
      })
      return { ...(await fetchEntry(runtime, field, reason, {})), stored: false }
    }
  })
}

async function forceInto(
  runtime: FieldRuntime,
  store: FieldStore,
  field: AnyField,
  reason: RefreshReason,
  purge: boolean,
): Promise<Refreshed> {
  const guards = guardNames(field)
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const captured = await captureTokens(runtime, store, guards)
    if (!captured) continue
    const own = runtime.ports.uniqueToken()
    const tokens = { ...tokenMap(guards, captured), [ownGuard(field.key)]: own }
    const fetched = await fetchEntry(runtime, field, reason, tokens)
    const text = encodeEntry(fetched.entry)
    const stored = await commit(runtime, store, field, { guards, captured, own, text, purge })
    if (stored === 'contended') continue
    if (stored) runtime.seen.note(field.key, [own, ...captured.slice(1)], runtime.ports.clock.monotonic())
    reportRefresh(runtime, field, reason, fetched, text, stored)
    return { ...fetched, stored }
  }
  throw forceContended(field.name, ATTEMPTS)
}

/** Null when somebody else created the missing ones at the same time: then look again. */
async function captureTokens(
  { ports }: FieldRuntime,
  store: FieldStore,
  guards: readonly string[],
): Promise<readonly Token[] | null> {
  const names = guards.map(store.names.guard)
  const snapshot = await store.read(names)
  const standing = names.map(snapshot.get)
  if (allPresent(standing)) return standing
  const tokens = standing.map((token) => token ?? ports.uniqueToken())
  const missing = names.flatMap((name, index) =>
    standing[index] === null ? [[name, tokens[index] as Token] as const] : [],
  )
  return (await store.createTokens(missing)).created ? tokens : null
}

interface Commit {
  guards: readonly string[]
  captured: readonly Token[]
  own: Token
  text: string
  purge: boolean
}

async function commit(
  { ports }: FieldRuntime,
  store: FieldStore,
  field: AnyField,
  { guards, captured, own, text, purge }: Commit,
): Promise<boolean | 'contended'> {
  const entry = store.names.entry(field.key)
  const expected = guards.map((guard, index) => [store.names.guard(guard), captured[index] as Token] as const)
  const write = () => store.writeForced({ entry, text, ttl: lifetimeOf(field), expected, own })
  try {
    return (await write()) || 'contended'
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    ports.emit({ type: 'redis.degraded', operation: 'write', code: error.code, message: error.message })
    const refused = hasCode(error, 'REDIS_QUOTA', 'REDIS_TOO_LARGE', 'REDIS_COMMAND_FAILED')
    // Only what Redis has refused for certain is not there: a write without an answer may have been done.
    if (refused && purge) await store.remove(entry)
    return refused ? false : retried(write)
  }
}

/** The script recognises its own work, so a reply that was lost may be asked for again. */
async function retried(write: () => Promise<boolean>): Promise<boolean | 'contended'> {
  try {
    return (await write()) || 'contended'
  } catch (error) {
    if (isRedisFailure(error)) return false
    throw error
  }
}

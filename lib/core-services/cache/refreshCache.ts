/** The refresh path: fetch, check, and put the new value in the place of the old one for everybody at once. */

import { currentInstant } from '../../shared/clock'
import { hasCode } from '../../shared/errors'
import type { NotStored, RefreshReason } from '../../shared/events'
import type { Entry } from './entry/entry'
import { ownGuard, type Token } from './entry/versionTokens'
import { isRedisFailure } from './errors'
import { type AnyField, assertOptions, type FieldCacheConfig, findFieldByKey } from './fields/fieldConfig'
import { completeTokens, lookAt, type Place, placeOf, tokenSeconds, tokenWrite } from './fields/fieldPlace'
import { askStore, type FieldRuntime } from './fields/fieldRuntime'
import { allPresent, type Lookup } from './fields/lookup'
import { wayBack } from './fields/read/wayBack'
import { beginUnproved, keepUnproved } from './fields/read/withoutRedis'
import { fetchEntry, openEntry } from './fields/refresh/fetchEntry'
import { startContention } from './fields/refresh/forceContention'
import { settleTokens } from './fields/refresh/settleTokens'
import { fetchUnstored, keepCopy, keptSeconds, reportRefresh } from './fields/refresh/storeEntry'
import { shareKey, shareMark } from './fields/shareKey'
import { textOf } from './fields/store/entryText'
import { fieldRuntime } from './processContext'
import { NEVER_DONE } from './redis/transport/refusals'

export interface Refreshed {
  entry: Entry
  /** False when Redis did not take it. */
  stored: boolean
  /** How long the source took, in ms. */
  sourceMs: number
  /** How many items a list has; null for every other value. */
  items: number | null
}

interface ForceRequest {
  reason: RefreshReason
  purge: boolean
  /** Monotonic clock, ms. */
  until: number
}

/**
 * Fetches a value for `cacheKey` and stores it for `ttl` seconds. What was stored before is only ever overwritten, so a
 * failing fetcher costs nobody anything. With `purge`, a fresh value that Redis refuses to take (a full database, a
 * value that is too large) also removes the old one, so that nobody is served what is known to be outdated.
 *
 * The key of a configured field gets an entry of that field, checked by its schema. Rejects with SOURCE_FAILED,
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
  return openEntry(field, (await forceRefresh(fieldRuntime(), field, 'force', purge)).entry)
}

/**
 * Fetches now, even if a fresh value is stored. Once it has answered `stored`, no read that starts later returns
 * anything fetched before this call. One that a fetcher needs several calls for counts from the first of their fetches,
 * which began two minutes before the last one at most (`FetchContext.pause`). Others are served what is there until the new
 * value replaces it; a source that fails leaves it there. `until`: it does not begin anew when that could not end by then
 * (monotonic clock, ms). Rejects with a SOURCE_ error, or FORCE_CONTENDED when invalidations kept getting in between.
 */
export async function forceRefresh(
  runtime: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  purge = false,
  until = Number.POSITIVE_INFINITY,
): Promise<Refreshed> {
  assertOptions(field)
  // The cron is served by what a force has brought, which never goes on with what was read long before it.
  const by = shareKey(field, purge, reason === 'change')
  const work = async (): Promise<Refreshed> => {
    await runtime.ports.atRequest()
    try {
      const place = placeOf(runtime, await runtime.store(), field)
      return await forceInto(runtime, place, { reason, purge, until })
    } catch (error) {
      if (!isRedisFailure(error)) throw error
      runtime.ports.emit({
        type: 'redis.degraded',
        operation: 'force',
        code: error.code,
        message: error.message,
      })
      const unproved = beginUnproved(runtime, field)
      const fetched = await fetchUnstored(runtime, field, reason)
      keepUnproved(runtime, field, fetched, unproved)
      return { ...fetched, stored: false }
    }
  }
  return runtime.singleFlight.queue(queueOf(field), by, work, reason === 'force')
}

/** How many forced refreshes of a field run or wait in this process: a new one begins after them. */
export function forcesAhead({ singleFlight }: FieldRuntime, field: AnyField): number {
  return singleFlight.queued(queueOf(field))
}

const queueOf = ({ key }: AnyField): string => `force ${key}`

async function forceInto(
  runtime: FieldRuntime,
  known: Place,
  { reason, purge, until }: ForceRequest,
): Promise<Refreshed> {
  const { field } = known
  const { clock, uniqueToken } = runtime.ports
  const contention = startContention(runtime, field, { mark: shareMark(field, purge), until })
  const by = reason === 'force' ? contention.mark : ''
  for (;;) {
    const place = (await wayBack(runtime, known, field))?.place ?? known
    const captured = await capture(runtime, place)
    const adopted = await contention.judge(place, captured)
    if (adopted) return { entry: adopted, stored: true, sourceMs: 0, items: itemsIn(adopted) }
    if (!captured) continue
    const { look, tokens } = captured
    const own = uniqueToken()
    const fetching = { place, guards: look.guards, tokens }
    const fetched = await fetchEntry(runtime, field, reason, look, fetching)
    const settled = await settleTokens(runtime, place, fetched.dependencies, tokens, look)
    const sentAt = currentInstant(clock)
    const outcome: Committed = settled
      ? await commit(runtime, place, fetched.entry, { settled, own, purge, by })
      : { stored: 'contended' }
    if (outcome.stored === 'contended') {
      await contention.lost(fetched.sourceMs)
      continue
    }
    fetched.settle(outcome.why)
    const entry = outcome.entry ?? fetched.entry
    if (outcome.stored) {
      runtime.memoryCache.noteTokens([[ownGuard(field.key), own]], sentAt)
      keepCopy(runtime, place, entry, sentAt)
      // A read that was sent before the answer can bring the replaced value after it.
      runtime.memoryCache.dropGuarded([ownGuard(field.key)], own)
    }
    reportRefresh(runtime, field, reason, fetched, outcome.why ? { why: outcome.why } : {})
    return { ...fetched, entry, stored: outcome.stored }
  }
}

/** Null when somebody else created missing tokens at the same time: then look again. */
async function capture(
  runtime: FieldRuntime,
  place: Place,
): Promise<{ look: Lookup; tokens: readonly Token[] } | null> {
  const look = await lookAt(runtime, place)
  if (allPresent(look.tokens)) return { look, tokens: look.tokens }
  const { tokens, missing } = completeTokens(place, look, runtime.ports.uniqueToken)
  return (await place.store.createTokens(missing)).created ? { look, tokens } : null
}

interface Commit {
  /** What was captured: the tokens that must still stand. */
  settled: Pick<Entry, 'tokens' | 'dependencies'>
  own: Token
  purge: boolean
  /** See `Forced`. */
  by: string
}

interface Committed {
  stored: boolean | 'contended'
  why?: NotStored | undefined
  /** With its tokens. */
  entry?: Entry
}

async function commit(
  runtime: FieldRuntime,
  place: Place,
  fetched: Entry,
  { settled, own, purge, by }: Commit,
): Promise<Committed> {
  const { ports } = runtime
  const { store, field } = place
  const ownName = ownGuard(field.key)
  const { [ownName]: before = '', ...others } = settled.tokens
  const tokens = { ...settled.tokens, [ownName]: own }
  const entry: Entry = { ...fetched, ...settled, tokens, forced: { upon: before, by } }
  const ttl = keptSeconds(place, entry)
  // What has ended already is for whoever asked, and for nobody later.
  if (ttl !== 'forever' && ttl <= 0) return { stored: false, why: 'expired' }
  const text = await textOf(runtime, field, entry)
  if (text === null) return { stored: false, why: 'no-key' }
  const write = async () =>
    store.writeForced({
      entry: place.entry,
      text,
      ttl,
      expected: [[ownName, before] as const, ...Object.entries(others)].map(
        ([guard, token]) => [store.names.guard(guard), token] as const,
      ),
      own: { token: own, seconds: tokenSeconds(field, ownName) },
    })
  try {
    return { stored: (await write()) || 'contended', entry }
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    ports.emit({ type: 'redis.degraded', operation: 'write', code: error.code, message: error.message })
    const refused = hasCode(error, ...NEVER_DONE)
    // Only what Redis has refused for certain is not there: a write without an answer may have been done.
    if (refused && purge) await removeOld(runtime, place)
    const stored = refused ? false : await retried(write)
    return { stored, entry, why: stored ? undefined : 'redis-failed' }
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

/** Under a new own token the old value is of no use to the memory of any other process either. */
async function removeOld(runtime: FieldRuntime, place: Place): Promise<void> {
  const guard = ownGuard(place.field.key)
  runtime.memoryCache.dropGuarded([guard])
  await askStore(runtime, 'purge', undefined, async () => {
    await place.store.revoke([tokenWrite(place, guard, runtime.ports.uniqueToken())], [place.entry])
  })
  runtime.memoryCache.dropGuarded([guard])
}

function itemsIn({ body }: Entry): number | null {
  const value: unknown = JSON.parse(body)
  return Array.isArray(value) ? value.length : null
}

/** The refresh path: fetch, check, write. What is stored stays until something better is there to replace it. */
import { withinDeadline } from './engine/deadline'
import { decodeEntry, type Entry, encodeEntry } from './engine/entry'
import { codeOf, hasCode, messageOf, sourceFailed, sourceInvalid, sourceTimeout } from './engine/errors'
import type { RefreshReason } from './engine/events'
import { type AnyField, assertOptions, type FieldCacheConfig, findFieldByKey } from './engine/fieldConfig'
import type { Flight } from './engine/flights'
import { checkSchema } from './engine/schema'
import { askStore, type FieldRuntime, fieldRuntime } from './fieldRuntime'

export interface Refreshed {
  /** The envelope as it is (or would be) stored: each caller decodes a value of its own. */
  entry: string
  /** False when Redis did not take it. */
  stored: boolean
  /** How long the source took, in ms. */
  sourceMs: number
}

/**
 * Fetches a value for `cacheKey` and stores it for `ttl` seconds. What was stored before is only ever overwritten, so a
 * failing fetcher costs nobody anything. With `purge`, a fresh value that Redis refuses to take (a full database, a value
 * that is too large) also removes the old one, so that nobody is served what is known to be outdated.
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
  return (await openRefreshed<T>(field, await forceRefresh(fieldRuntime(), field, 'force', purge))).value
}

/** Fetches now, even if a fresh value is stored: the guarantee is that the fetch begins after this call. */
export function forceRefresh(
  runtime: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  purge = false,
): Promise<Refreshed> {
  return runtime.flights.force(field.key, field.fetcher, (flight) =>
    fetchAndStore(runtime, field, flight, { reason, purge }),
  )
}

/** Fetches for a reader who found nothing, or joins those who already do. */
export function fillOnMiss(runtime: FieldRuntime, field: AnyField): Promise<Refreshed> {
  return runtime.flights.join(field.key, (flight) =>
    fetchAndStore(runtime, field, flight, { reason: 'miss', purge: false }),
  )
}

/** What a reader gets of a refresh: the same as of a later hit, decoded for this caller alone. */
export async function openRefreshed<T>(
  field: FieldCacheConfig<T>,
  { entry }: Refreshed,
): Promise<{ value: T; fetchedAt: number }> {
  const { value, fetchedAt } = decodeEntry(entry) as Entry
  const checked = await checkSchema(field.schema, value)
  if (!checked.ok) throw sourceInvalid(field.name, checked.reason)
  return { value: checked.value, fetchedAt }
}

interface Policy {
  reason: RefreshReason
  purge: boolean
}

async function fetchAndStore(
  runtime: FieldRuntime,
  field: AnyField,
  flight: Flight,
  { reason, purge }: Policy,
): Promise<Refreshed> {
  assertOptions(field)
  const { clock, emit, isControlFlow } = runtime.ports
  const started = clock.monotonic()
  try {
    const { entry, items } = await fetchEntry(runtime, field, reason)
    const sourceMs = clock.monotonic() - started
    const stored = await flight.store(() => storeEntry(runtime, field, entry, purge))
    const durationMs = clock.monotonic() - started
    emit({
      type: 'refresh.finished',
      field: field.name,
      reason,
      durationMs,
      bytes: new TextEncoder().encode(entry).byteLength,
      items,
      stored,
    })
    return { entry, stored, sourceMs }
  } catch (error) {
    if (isControlFlow(error)) throw error
    const durationMs = clock.monotonic() - started
    const failure = { code: codeOf(error), message: messageOf(error) }
    emit({ type: 'refresh.failed', field: field.name, reason, durationMs, ...failure })
    throw error
  }
}

/** Checks the value as it comes out of JSON again, so that what readers would refuse is not stored in the first place. */
async function fetchEntry(
  { ports, refreshTimeoutMs }: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
): Promise<{ entry: string; items: number | null }> {
  const fetchedAt = ports.clock.now()
  try {
    const value = await withinDeadline(
      refreshTimeoutMs,
      () => sourceTimeout(field.name, new Error(`nothing came within ${refreshTimeoutMs} ms`)),
      (signal) => field.fetcher({ signal, reason }),
    )
    const entry = encodeEntry({ fetchedAt, value })
    await openRefreshed(field, { entry, stored: false, sourceMs: 0 })
    return { entry, items: Array.isArray(value) ? value.length : null }
  } catch (error) {
    if (ports.isControlFlow(error) || hasCode(error, 'SOURCE_TIMEOUT', 'SOURCE_INVALID')) throw error
    // A part of the source that ran into its own deadline is as late as a whole refresh that did.
    if (codeOf(error).endsWith('_TIMEOUT')) throw sourceTimeout(field.name, error)
    throw sourceFailed(field.name, error)
  }
}

function storeEntry(runtime: FieldRuntime, field: AnyField, entry: string, purge: boolean): Promise<boolean> {
  return askStore(runtime, 'write', false, async (store) => {
    try {
      await store.write(field.key, entry, field.ttl)
      return true
    } catch (error) {
      // Only what Redis has refused for certain is not there: a write without an answer may have been done.
      if (purge && hasCode(error, 'REDIS_QUOTA', 'REDIS_TOO_LARGE', 'REDIS_COMMAND_FAILED')) {
        await store.remove(field.key)
      }
      throw error
    }
  })
}

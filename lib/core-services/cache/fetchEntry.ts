/** Asks the source of a field, within its deadline, and makes an entry of the answer. */
import { withinDeadline } from './engine/deadline'
import { type Entry, encodeBody } from './engine/entry'
import { codeOf, hasCode, messageOf, sourceFailed, sourceInvalid, sourceTimeout } from './engine/errors'
import type { RefreshReason } from './engine/events'
import { type AnyField, assertOptions, type FieldCacheConfig } from './engine/fieldConfig'
import { checkBody } from './engine/schema'
import type { TokenMap } from './engine/tokens'
import type { FieldRuntime } from './fieldRuntime'

export interface Fetched {
  /** Each reader decodes a value of its own. */
  entry: Entry
  /** How long the source took, in ms. */
  sourceMs: number
  /** How many items a list has; null for every other value. */
  items: number | null
}

/**
 * Rejects with SOURCE_FAILED, SOURCE_TIMEOUT or SOURCE_INVALID. The value is checked as it comes out of JSON again, so
 * that what readers would refuse is not stored in the first place.
 */
export async function fetchEntry(
  { ports, refreshTimeoutMs }: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  tokens: TokenMap,
): Promise<Fetched> {
  assertOptions(field)
  const { clock } = ports
  const started = clock.monotonic()
  const fetchedAt = clock.now()
  try {
    const value = await withinDeadline(
      refreshTimeoutMs,
      () => sourceTimeout(field.name, new Error(`nothing came within ${refreshTimeoutMs} ms`)),
      (signal) => field.fetcher({ signal, reason }),
    )
    const entry: Entry = { body: encodeBody(value), fetchedAt, revision: ports.uniqueToken(), tokens }
    await openEntry(field, entry)
    const sourceMs = clock.monotonic() - started
    return { entry, sourceMs, items: Array.isArray(value) ? value.length : null }
  } catch (error) {
    if (ports.isControlFlow(error)) throw error
    const failure = asSourceError(field.name, error)
    const durationMs = clock.monotonic() - started
    const { code, message } = { code: codeOf(failure), message: messageOf(failure) }
    ports.emit({ type: 'refresh.failed', field: field.name, reason, durationMs, code, message })
    throw failure
  }
}

function asSourceError(field: string, error: unknown): unknown {
  if (hasCode(error, 'SOURCE_TIMEOUT', 'SOURCE_INVALID')) return error
  // A part of the source that ran into its own deadline is as late as a whole refresh that did.
  return codeOf(error).endsWith('_TIMEOUT') ? sourceTimeout(field, error) : sourceFailed(field, error)
}

/** What a reader gets of an entry, fetched or stored: decoded for this caller alone, and checked by the schema. */
export async function openEntry<T>(field: FieldCacheConfig<T>, { body }: Entry): Promise<T> {
  const checked = await checkBody(field.schema, body)
  if (!checked.ok) throw sourceInvalid(field.name, checked.reason)
  return checked.value
}

/** Asks the source of a field, within its deadline, and makes an entry of the answer. */
import { withinDeadline } from '../../../../shared/deadline'
import { refreshDeadline } from '../../../../shared/durations'
import { getErrorCode, getErrorMessage, hasCode, isCodedError } from '../../../../shared/errors'
import type { NotStored, RefreshReason } from '../../../../shared/events'
import { type Entry, encodeBody, unpackEntry } from '../../entry/entry'
import { getFreshness } from '../../entry/freshness'
import { type Checked, checkBody } from '../../entry/schema'
import { isUnfinished, sourceFailed, sourceInvalid, sourceTimeout } from '../../errors'
import type { AnyField, FetchContext, FieldCacheConfig, Kept } from '../fieldConfig'
import type { FieldRuntime } from '../fieldRuntime'
import type { Lookup } from '../lookup'
import { sourceAnswered } from './coolDown'
import { assertKept, dependenciesOf, lifeOf } from './fetchedMetadata'
import { type Captured, createFetchProgress } from './fetchProgress'

export interface Fetched {
  /** Without tokens: whoever stores it adds those that stood before. Each reader decodes a value of its own. */
  entry: Entry
  /** The guards that only the value tells. */
  dependencies: readonly string[]
  /** How long the source took, in ms. */
  sourceMs: number
  /** How many items a list has, as readers get it; null for every other value. */
  items: number | null
  /** To be told what became of the value; absent: it is stored. Then what earlier fetches had left for it goes. */
  settle(why?: NotStored): void
}

/** What stands while a field is fetched: an entry, and the same again while its tokens hold. */
export type Standing = Pick<Lookup, 'stored' | 'valid'>

/** Deadline of the source, in whole ms. */
export function timeoutOf({ refreshTimeoutMs }: FieldRuntime, field: AnyField): number {
  return refreshDeadline(field.advanced?.timeoutMs ?? refreshTimeoutMs)
}

/**
 * Rejects with SOURCE_FAILED, SOURCE_TIMEOUT, SOURCE_INVALID or SOURCE_UNFINISHED. The value is checked as it comes out
 * of JSON again, so that what readers would refuse is not stored in the first place. `captured`: see `FetchProgress`.
 */
export async function fetchEntry(
  runtime: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  standing: Standing = { stored: null, valid: null },
  captured: Captured | null = null,
): Promise<Fetched> {
  const { ports } = runtime
  const { clock } = ports
  const timeoutMs = timeoutOf(runtime, field)
  const started = clock.monotonic()
  ports.emit({ type: 'refresh.started', field: field.name, reason })
  const startedAt = clock.now()
  const kept: Kept = {}
  const times = { startedAt, started, timeoutMs }
  const progress = createFetchProgress(runtime, field.name, {
    ...times,
    captured,
    reason,
    standing: standing.valid,
  })
  const context = { reason, startedAt, ...memoryOf(runtime, field, standing, kept), ...progress.context }
  try {
    const value = await withinDeadline(
      timeoutMs,
      () => sourceTimeout(field.name, new Error(`nothing came within ${timeoutMs} ms`)),
      (signal) => field.fetcher({ signal, ...context }),
      ports,
    )
    const fetchedAt = Math.min(progress.since(), kept.fetchedAt ?? startedAt)
    const entry: Entry = { body: encodeBody(value), fetchedAt, revision: ports.uniqueToken(), tokens: {} }
    const readBack = await openEntry(field, entry)
    await assertAccepted(runtime, field, readBack, standing.stored, reason)
    const sourceMs = clock.monotonic() - started
    const dependencies = dependenciesOf(field, readBack)
    const items = Array.isArray(readBack) ? readBack.length : null
    const isNothing = value === null || readBack === null
    const told = { value: readBack, isNothing, fetchedAt, endsAt: kept.endsAt }
    const life = lifeOf(field, told, startedAt)
    sourceAnswered(runtime, field)
    const settle = (why?: NotStored) => {
      if (why === undefined || why === 'expired') progress.forget()
    }
    return { entry: { ...entry, ...life, note: kept.note }, dependencies, sourceMs, items, settle }
  } catch (error) {
    if (ports.isControlFlow(error)) throw error
    const failure = asSourceError(field.name, error)
    // Put together of the same parts it would be refused again.
    if (isOfTheValue(failure)) progress.forget()
    // That has been told.
    if (isUnfinished(failure)) throw failure
    const durationMs = clock.monotonic() - started
    const [code, message] = [getErrorCode(failure), getErrorMessage(failure)]
    const cause = isCodedError(failure) && isCodedError(failure.cause) ? { cause: failure.cause.code } : {}
    ports.emit({ type: 'refresh.failed', field: field.name, reason, durationMs, code, ...cause, message })
    throw failure
  }
}

/** What links a fetch with the one before it. */
function memoryOf(
  runtime: FieldRuntime,
  field: AnyField,
  { valid }: Standing,
  kept: Kept,
): Pick<FetchContext, 'previous' | 'keep'> {
  return {
    async previous() {
      const opened = valid && (await openStored(runtime, field, valid))
      if (!opened?.ok) return null
      const { note, fetchedAt, endMs } = opened.entry
      const isOver = getFreshness(opened.entry, field, runtime.ports.clock.now()) === 'expired'
      // Before the schema: what a fetcher carries on goes through it again, with whatever it transforms.
      return {
        value: JSON.parse(opened.entry.body),
        note,
        fetchedAt,
        endsAt: endMs === undefined ? endMs : fetchedAt + endMs,
        ...(isOver && { isOver }),
      }
    },
    keep(about) {
      assertKept(field.name, about, runtime.ports.clock.now())
      Object.assign(kept, about)
    },
  }
}

const isOfTheValue = (failure: unknown): boolean =>
  hasCode(failure, 'SOURCE_INVALID') ||
  (isCodedError(failure) && hasCode(failure.cause, 'VALUE_NOT_SERIALIZABLE'))

function asSourceError(field: string, error: unknown): unknown {
  if (isUnfinished(error) || hasCode(error, 'SOURCE_TIMEOUT', 'SOURCE_INVALID')) return error
  // A part of the source that ran into its own deadline is as late as a whole refresh that did.
  return getErrorCode(error).endsWith('_TIMEOUT') ? sourceTimeout(field, error) : sourceFailed(field, error)
}

async function assertAccepted(
  runtime: FieldRuntime,
  field: AnyField,
  next: unknown,
  previous: Entry | null,
  reason: RefreshReason,
): Promise<void> {
  const accept = field.advanced?.accept
  if (!accept) return
  const last = previous && (await openStored(runtime, field, previous))
  if (!(await accept(next, last?.ok ? last.data : undefined, reason)))
    throw sourceInvalid(field.name, 'the field does not accept it (advanced.accept)')
}

/** What a reader gets of an entry that was just fetched: decoded for this caller alone, and checked by the schema. */
export async function openEntry<T>(field: FieldCacheConfig<T>, { body }: Entry): Promise<T> {
  const checked = await checkBody(field.schema, body)
  if (!checked.ok) throw sourceInvalid(field.name, checked.reason)
  return checked.value
}

/** An entry with the value that this caller gets of it. */
export interface Opened<T> {
  ok: true
  /** Unpacked. */
  entry: Entry
  data: T
}

/** The same for an entry that was stored, maybe by another release: a refusal is an answer. */
export async function openStored<T>(
  { cipherFor }: FieldRuntime,
  field: FieldCacheConfig<T>,
  stored: Entry,
): Promise<Opened<T> | Exclude<Checked<T>, { ok: true }>> {
  const cipher = cipherFor?.(field)
  const entry = await unpackEntry(stored, cipher)
  if (!entry) {
    const sealed = stored.packing?.sealed
    if (!sealed) return { ok: false, reason: 'it cannot be unpacked', refused: false }
    if (await cipher?.knows(sealed)) return { ok: false, reason: 'it was altered or moved', refused: false }
    // Whoever has the key can read it: it is no more spoilt than one of another format.
    return { ok: false, reason: 'it is encrypted with a key that is not known here', refused: true }
  }
  const checked = await checkBody(field.schema, entry.body)
  return checked.ok ? { ok: true, entry, data: checked.value } : checked
}

import { withinDeadline } from '../../../../shared/deadline'
import { getErrorCode, getErrorMessage, hasCode, isCodedError } from '../../../../shared/errors'
import type { NotStored, RefreshReason } from '../../../../shared/events'
import { type Entry, encodeBody } from '../../entry/entry'
import { isUnfinished, sourceFailed, sourceInvalid, sourceTimeout } from '../../errors'
import type { FetchContext, ValueMetadata } from '../fieldConfig'
import type { FieldContext } from '../fieldContext'
import type { Lookup } from '../lookup'
import { endCoolDown } from './coolDown'
import { assertMetadata, readDependencies, readLifetime } from './fetchedMetadata'
import { type Captured, createFetchProgress } from './fetchProgress'

export interface Fetched {
  /** Without tokens: its writer adds those captured before the fetch. */
  entry: Entry
  /** Guards from `dependsOn`. */
  dependencies: readonly string[]
  sourceMs: number
  /** Null unless the value is a list. */
  items: number | null
  /** Call it once the value is stored, or with the reason why it is not. Removes progress that no later fetch needs. */
  settle(why?: NotStored): void
}

export interface FetchRequest {
  reason: RefreshReason
  replaces?: Pick<Lookup, 'stored' | 'valid'>
  /** Absent without Redis. */
  captured?: Captured
}

const NOTHING = { stored: null, valid: null }

/**
 * Rejects with SOURCE_FAILED, SOURCE_TIMEOUT, SOURCE_INVALID or SOURCE_UNFINISHED. The schema checks what comes out of
 * JSON again: nothing is stored that readers would refuse.
 */
export async function fetchEntry(
  context: FieldContext,
  { reason, replaces = NOTHING, captured }: FetchRequest,
): Promise<Fetched> {
  const { config: field, timeoutMs } = context
  const { ports } = context.runtime
  const { clock } = ports
  const started = clock.monotonic()
  ports.emit({ type: 'refresh.started', field: field.name, reason })
  const startedAt = clock.now()
  const metadata: ValueMetadata = {}
  const progress = createFetchProgress(context, {
    startedAt,
    started,
    captured: captured ?? null,
    reason,
    validEntry: replaces.valid,
  })
  const fetchContext = {
    reason,
    startedAt,
    ...linkToPrevious(context, replaces.valid, metadata),
    ...progress.context,
  }
  try {
    const value = await withinDeadline(
      timeoutMs,
      () => sourceTimeout(field.name, new Error(`nothing came within ${timeoutMs} ms`)),
      (signal) => field.fetcher({ signal, ...fetchContext }),
      ports,
    )
    const fetchedAt = Math.min(progress.since(), metadata.fetchedAt ?? startedAt)
    const entry: Entry = { body: encodeBody(value), fetchedAt, revision: ports.uniqueToken(), tokens: {} }
    const readBack = await context.openFetched(entry)
    await assertAccepted(context, { next: readBack, previous: replaces.stored, reason })
    const sourceMs = clock.monotonic() - started
    const dependencies = readDependencies(field, readBack)
    const items = Array.isArray(readBack) ? readBack.length : null
    const isNothing = value === null || readBack === null
    const fetchedValue = { value: readBack, isNothing, fetchedAt, endsAt: metadata.endsAt }
    const lifetime = readLifetime(field, fetchedValue, startedAt)
    endCoolDown(context)
    const settle = (why?: NotStored) => {
      if (why === undefined || why === 'expired') progress.forget()
    }
    return { entry: { ...entry, ...lifetime, note: metadata.note }, dependencies, sourceMs, items, settle }
  } catch (error) {
    if (ports.isControlFlow(error)) throw error
    const failure = asSourceError(field.name, error)
    // The same progress would lead to the same refused value.
    if (isValueError(failure)) progress.forget()
    // `pause` has reported it.
    if (isUnfinished(failure)) throw failure
    const durationMs = clock.monotonic() - started
    const [code, message] = [getErrorCode(failure), getErrorMessage(failure)]
    const cause = isCodedError(failure) && isCodedError(failure.cause) ? { cause: failure.cause.code } : {}
    ports.emit({ type: 'refresh.failed', field: field.name, reason, durationMs, code, ...cause, message })
    throw failure
  }
}

function linkToPrevious(
  context: FieldContext,
  valid: Entry | null,
  metadata: ValueMetadata,
): Pick<FetchContext, 'previous' | 'keep'> {
  const { runtime, config } = context
  return {
    async previous() {
      const opened = valid && (await context.openStored(valid))
      if (!opened?.ok) return null
      const { note, fetchedAt, endMs } = opened.entry
      const isOver = context.freshness(opened.entry) === 'expired'
      return {
        value: JSON.parse(opened.entry.body),
        note,
        fetchedAt,
        endsAt: endMs === undefined ? endMs : fetchedAt + endMs,
        ...(isOver && { isOver }),
      }
    },
    keep(about) {
      assertMetadata(config.name, about, runtime.ports.clock.now())
      Object.assign(metadata, about)
    },
  }
}

const isValueError = (failure: unknown): boolean =>
  hasCode(failure, 'SOURCE_INVALID') ||
  (isCodedError(failure) && hasCode(failure.cause, 'VALUE_NOT_SERIALIZABLE'))

function asSourceError(field: string, error: unknown): unknown {
  if (isUnfinished(error) || hasCode(error, 'SOURCE_TIMEOUT', 'SOURCE_INVALID')) return error
  // A timeout inside the source counts like the deadline of the refresh.
  return getErrorCode(error).endsWith('_TIMEOUT') ? sourceTimeout(field, error) : sourceFailed(field, error)
}

async function assertAccepted(
  context: FieldContext,
  { next, previous, reason }: { next: unknown; previous: Entry | null; reason: RefreshReason },
): Promise<void> {
  const accept = context.config.advanced?.accept
  if (!accept) return
  const last = previous && (await context.openStored(previous))
  if (!(await accept(next, last?.ok ? last.data : undefined, reason)))
    throw sourceInvalid(context.config.name, 'the field does not accept it (advanced.accept)')
}

import type { WebhookCause } from '../../../shared/events'
import { unpackEntry } from '../../cache/entry/entry'
import { cacheUnavailable } from '../../cache/errors'
import type { FetchContext } from '../../cache/fields/fieldConfig'
import { FieldContext } from '../../cache/fields/fieldContext'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { type FieldSlot, openSlot } from '../../cache/fields/fieldSlot'
import { allPresent, type Lookup } from '../../cache/fields/lookup'
import { isHalfFetched } from '../../cache/fields/refresh/fetchProgress'
import { forceRefresh } from '../../cache/fields/refresh/forceRefresh'
import { invalidateField } from '../../cache/invalidate'
import type { AirtableField } from '../airtableField'
import type { ChangeLog } from '../changelog/changeLog'
import type { LogChanges } from '../changelog/payloads'
import type { DeltaLimits } from '../changelog/syncLimits'
import { decodeMark, isPending } from '../changelog/syncMark'
import { airtableHalfRead } from '../client/airtableErrors'
import { isTableId } from '../records/table'
import { fetchChanges, type SyncedValue, toSyncSource } from './fetchChanges'
import { planSync, type ValueState } from './syncPlan'

/** A mark this many payloads behind the log is written again although the value has not changed. */
const MAX_PAYLOADS_BEHIND = 100
/** The same for a mark of this age, in ms. */
const MAX_MARK_AGE_MS = 86_400_000
/** The most by which clocks of instances differ, plus the time between a read and its noted time, in ms. */
const CLOCK_DIFFERENCE_MS = 8_000

/** `met`: the first sync of a webhook. Anything may have changed before it. */
export type SyncCause = WebhookCause | 'met'

export interface FieldState {
  field: AirtableField<unknown>
  /** Null when no value is stored, or it is too old to be served. */
  value: ValueState | null
  slot: FieldSlot
  lookup: Pick<Lookup, 'guards' | 'tokens'>
}

/** One sync of the fields of a webhook. */
export interface SyncRun {
  runtime: CronRuntime
  log: ChangeLog
  limits: DeltaLimits
  cause: SyncCause
  /** Reads after this time may be older than the announced change, in ms since 1970. */
  since: number
  /** Stores that derived values may lack changes from `cursor` on. Called before a value is replaced. */
  lowerFollowed(cursor: number): Promise<void>
}

export interface SyncResult {
  /** Whether to sync the field once more, because a read may have been too old. */
  recheck: boolean
  changed: boolean
}

const UNCHANGED: SyncResult = { recheck: false, changed: false }
/** Records are pending, but it is too early for their second read. */
const RECHECK_LATER: SyncResult = { recheck: true, changed: false }

export async function readFieldState(
  runtime: CronRuntime,
  field: AirtableField<unknown>,
): Promise<FieldState> {
  const slot = await openSlot(new FieldContext(runtime, field))
  const lookup = await slot.lookUp()
  const { valid } = lookup
  const served = valid && slot.context.freshness(valid) !== 'expired'
  const entry = served ? await unpackEntry(valid, runtime.cipherFor?.(field)) : null
  const value = entry && { note: entry.note, mark: decodeMark(entry.note), fetchedAt: entry.fetchedAt }
  return { field, value, slot, lookup }
}

export async function syncField(run: SyncRun, state: FieldState): Promise<SyncResult> {
  const first = await syncOnce(run, state)
  if (!first.behind) return first
  const second = await syncOnce(run, await readFieldState(run.runtime, state.field))
  return { recheck: first.recheck || second.recheck, changed: first.changed || second.changed }
}

/** `behind`: a read in several refreshes has begun before what this sync has seen in the log. */
type Synced = SyncResult & { behind?: boolean }

async function syncOnce(run: SyncRun, state: FieldState): Promise<Synced> {
  const { value } = state
  const { cause, since } = run
  if (value === null) return syncMissingValue(run, state)
  if (cause === 'recheck' && !mayBeBehind(value, since)) return UNCHANGED
  const { changed, ...synced } = await updateValue(run, { ...state, value })
  // A derived value may come from an older value that a read has replaced since without invalidating anything.
  return { ...synced, changed: changed || (cause === 'recheck' && !value.mark?.followed) }
}

async function updateValue(
  run: SyncRun,
  { field, value }: FieldState & { value: ValueState },
): Promise<Synced> {
  const { runtime, log, limits, lowerFollowed } = run
  const now = runtime.ports.clock.now()
  if (value.mark === null && !(await mayHaveMissedChanges(run, field))) return UNCHANGED
  const { readFrom } = log
  const plan = await planSync({ source: toSyncSource(field, log), value, readFrom, now, limits })
  if (plan.kind === 'none' && !isFarBehind(value, plan.changes, now))
    return value.mark && isPending(value.mark) ? RECHECK_LATER : UNCHANGED
  if (value.mark) await lowerFollowed(value.mark.cursor)
  const fetches: SyncedValue[] = []
  const fetcher = async (fetch: FetchContext) => {
    const job = { field, log, limits, ports: runtime.ports, planned: { value, plan } }
    const fetched = await fetchChanges(job, fetch)
    fetches.push(fetched)
    return fetched.value
  }
  const { stored, entry } = await forceRefresh(runtime, { ...field, fetcher }, 'change')
  if (!stored) throw cacheUnavailable(new Error('the changes were fetched, but Redis did not store them'))
  // After an invalidation during a fetch, `forceRefresh` fetches again. The last fetch was stored.
  const { pending: recheck = false, changed = false } = fetches.at(-1) ?? {}
  return { recheck, changed, behind: (decodeMark(entry.note)?.cursor ?? log.end()) < log.end() }
}

/** A fetch that is running now may be older than the change. */
async function syncMissingValue(
  { runtime, log, cause }: SyncRun,
  { field, slot, lookup: { guards, tokens } }: FieldState,
): Promise<SyncResult> {
  const isRecheck = cause === 'recheck'
  if (!isRecheck && cause !== 'met' && !touches(await log.readFrom(log.record.followed), field))
    return UNCHANGED
  if (!allPresent(tokens) || !(await isHalfFetched({ slot, guards, tokens }))) {
    // Discards fetches that began before the change, and copies of an evicted entry in the memory of processes.
    await invalidateField(field, runtime)
  } else if (!isRecheck) {
    // The finished value will hold a mark that shows it is behind. Invalidating it at each change would keep a large view
    // from ever being read to its end.
    throw airtableHalfRead(field.name)
  }
  return { recheck: !isRecheck, changed: isRecheck }
}

/** A value without a mark may have missed any change. A ping for another table is still no reason to read it. */
async function mayHaveMissedChanges(
  { log, cause }: SyncRun,
  field: AirtableField<unknown>,
): Promise<boolean> {
  return cause === 'met' || cause === 'cron' || touches(await log.readFrom(log.record.followed), field)
}

/** True for pending records, and for a value that was read too soon after the change. */
function mayBeBehind({ mark, fetchedAt }: ValueState, since: number): boolean {
  return (mark !== null && isPending(mark)) || (mark?.at ?? fetchedAt) > since - CLOCK_DIFFERENCE_MS
}

function isFarBehind({ mark }: ValueState, changes: LogChanges, now: number): boolean {
  if (mark === null) return false
  return (
    changes.cursor - mark.cursor > MAX_PAYLOADS_BEHIND ||
    (changes.payloads > 0 && now - mark.at > MAX_MARK_AGE_MS)
  )
}

/** Also true when the log is unreadable. */
export function touches({ tables, unreadable }: LogChanges, { airtable }: AirtableField<unknown>): boolean {
  if (unreadable) return true
  const { tableId } = airtable.table.locate()
  return isTableId(tableId) ? tables.has(tableId) : tables.size > 0
}

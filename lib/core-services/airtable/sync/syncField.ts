/** How one field follows what a webhook has recorded. */
import type { WebhookCause } from '../../../shared/events'
import { unpackEntry } from '../../cache/entry/entry'
import { getFreshness } from '../../cache/entry/freshness'
import { cacheUnavailable } from '../../cache/errors'
import { lookAt, type Place, placeOf } from '../../cache/fields/fieldPlace'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { allPresent, type Lookup } from '../../cache/fields/lookup'
import { isHalfFetched } from '../../cache/fields/refresh/fetchProgress'
import { invalidateField } from '../../cache/invalidate'
import { forceRefresh } from '../../cache/refreshCache'
import type { AirtableField } from '../airtableField'
import type { ChangeRun } from '../changelog/changeLog'
import type { Drained } from '../changelog/payloads'
import type { DeltaLimits } from '../changelog/syncLimits'
import { decodeMark, isPending } from '../changelog/syncMark'
import { airtableHalfRead } from '../client/airtableErrors'
import { isTableId } from '../records/table'
import { changeFetcher, subjectOf } from './syncFetcher'
import { planFor, type Standing } from './syncPlan'

/** A value whose mark lies further behind than this is written anew although nothing in it has changed. */
const MOST_PAYLOADS_AGAIN = 100
const LONGEST_UNMARKED_MS = 86_400_000
/** Clocks of instances differ, and a read begins before what it reads is noted: by less than this, in ms. */
const CLOCKS_MS = 8_000

/** `met`: the first sync of a webhook, before which anything may have happened. */
export type FollowCause = WebhookCause | 'met'

export interface Seen {
  field: AirtableField<unknown>
  /** Null when nothing stands that anybody is served. */
  standing: Standing | null
  place: Place
  look: Pick<Lookup, 'guards' | 'tokens'>
}

export interface Following {
  limits: DeltaLimits
  cause: FollowCause
  /** What was read since then may be older than the change that is looked at, in ms since 1970. */
  since: number
  /** Told of the cursor of each value that is about to follow. */
  catchUp(cursor: number): Promise<void>
}

export interface Followed {
  /** Whether to look once more, because what was read may have been too old. */
  again: boolean
  /** Whether the value is another one now. */
  changed: boolean
}

const AS_IT_WAS: Followed = { again: false, changed: false }
/** Records are pending, but it is not time yet. */
const NOT_YET: Followed = { again: true, changed: false }

export async function lookAtField(runtime: CronRuntime, field: AirtableField<unknown>): Promise<Seen> {
  const place = placeOf(runtime, await runtime.store(), field)
  const look = await lookAt(runtime, place)
  const { valid } = look
  const served = valid && getFreshness(valid, field, runtime.ports.clock.now()) !== 'expired'
  const entry = served ? await unpackEntry(valid, runtime.cipherFor?.(field)) : null
  const standing = entry && { mark: decodeMark(entry.note), fetchedAt: entry.fetchedAt }
  return { field, standing, place, look }
}

export async function follow(
  runtime: CronRuntime,
  seen: Seen,
  run: ChangeRun,
  following: Following,
  repeated = false,
): Promise<Followed> {
  const { standing } = seen
  const { cause, since } = following
  if (standing === null) return followNothing(runtime, seen, run, cause)
  if (cause === 'again' && !mayBeBehind(standing, since)) return AS_IT_WAS
  const { again, changed } = await followStanding(runtime, { ...seen, standing }, run, following, repeated)
  // What is made of it may be made of an older one, which was replaced since, and nobody was told.
  return { again, changed: changed || (cause === 'again' && !standing.mark?.followed) }
}

async function followStanding(
  runtime: CronRuntime,
  { field, standing }: Seen & { standing: Standing },
  run: ChangeRun,
  following: Following,
  repeated: boolean,
): Promise<Followed> {
  const { limits, cause, catchUp } = following
  const now = runtime.ports.clock.now()
  if (standing.mark === null && !(await mayHaveMissed(field, run, cause))) return AS_IT_WAS
  const plan = await planFor(subjectOf(field, run), standing, run.drainFrom, now, limits)
  if (plan.kind === 'none' && !fallsBehind(standing, plan.drained, now))
    return standing.mark && isPending(standing.mark) ? NOT_YET : AS_IT_WAS
  if (standing.mark) await catchUp(standing.mark.cursor)
  const told = { pending: 0, changed: false }
  const fetcher = changeFetcher(field, run, limits, runtime.ports, told)
  const { stored, entry } = await forceRefresh(runtime, { ...field, fetcher }, 'change')
  if (!stored) throw cacheUnavailable(new Error('what has changed was fetched but not stored'))
  const followed = { again: told.pending > 0, changed: told.changed }
  // Its first part may have been read before what this run has seen.
  const behind = (decodeMark(entry.note)?.cursor ?? run.end()) < run.end()
  if (!behind || repeated) return followed
  const then = await follow(runtime, await lookAtField(runtime, field), run, following, true)
  return { again: followed.again || then.again, changed: followed.changed || then.changed }
}

/** Where nothing stands: what is on its way to stand there must not be taken for new. */
async function followNothing(
  runtime: CronRuntime,
  { field, place, look: { guards, tokens } }: Seen,
  run: ChangeRun,
  cause: FollowCause,
): Promise<Followed> {
  const second = cause === 'again'
  if (!second && cause !== 'met' && !touches(await run.drainFrom(run.record.followed), field))
    return AS_IT_WAS
  if (!allPresent(tokens) || !(await isHalfFetched(runtime, { place, guards, tokens }))) {
    // What is only being fetched may have been read before the change. So may what the first look brought, which a
    // process may remember although Redis has evicted it.
    await invalidateField(field, runtime)
  } else if (!second) {
    // Its value will tell from where on it is behind. Voided by each change, a large view would never be read to its end.
    throw airtableHalfRead(field.name)
  }
  return { again: !second, changed: second }
}

/** Of a value without a mark nobody can tell what it has missed: only a ping for something else is no reason to read it. */
async function mayHaveMissed(
  field: AirtableField<unknown>,
  run: ChangeRun,
  cause: FollowCause,
): Promise<boolean> {
  return cause === 'met' || cause === 'cron' || touches(await run.drainFrom(run.record.followed), field)
}

/** What waits to be looked at once more, or was read since the change, maybe too early to show it. */
function mayBeBehind({ mark, fetchedAt }: Standing, since: number): boolean {
  return (mark !== null && isPending(mark)) || (mark?.at ?? fetchedAt) > since - CLOCKS_MS
}

function fallsBehind({ mark }: Standing, drained: Drained, now: number): boolean {
  if (mark === null) return false
  return (
    drained.cursor - mark.cursor > MOST_PAYLOADS_AGAIN ||
    (drained.payloads > 0 && now - mark.at > LONGEST_UNMARKED_MS)
  )
}

/** Whether a table that a field reads was changed, as far as that can be told. */
export function touches({ tables, unreadable }: Drained, { airtable }: AirtableField<unknown>): boolean {
  if (unreadable) return true
  const { tableId } = airtable.table.locate()
  return isTableId(tableId) ? tables.has(tableId) : tables.size > 0
}

/**
 * Brings what is stored up to date after Airtable has announced a change: lists record by record where that pays, the
 * rest by reading everything. Everybody else is served what stands until the new value replaces it.
 */

import { unpackEntry } from '../../cache/engine/entry'
import { cacheUnavailable } from '../../cache/engine/errors'
import type { WebhookCause } from '../../cache/engine/events'
import type { AnyField } from '../../cache/engine/fieldConfig'
import { allPresent, type Look } from '../../cache/engine/look'
import { isHalfFetched } from '../../cache/fetchProgress'
import { lookAt, placeOf } from '../../cache/fieldPlace'
import { type CronRuntime, fieldRuntime } from '../../cache/fieldRuntime'
import { invalidateField, invalidateTags } from '../../cache/invalidate'
import { forceRefresh } from '../../cache/refreshCache'
import { airtableHalfRead } from '../airtableErrors'
import { type AirtableField, changeTag, isAirtableField, isTableId } from '../airtableField'
import type { WebhooksApi } from '../webhooksApi'
import { changeFetcher, subjectOf } from './changeFetcher'
import { decodeMark } from './changeMark'
import { type ChangeRun, createChangeRun } from './changeRun'
import { type HookRecord, type HookStore, hookStore } from './hookStore'
import type { Drained } from './payloads'
import { DELTA_LIMITS, type DeltaLimits, planFor, type Standing } from './plan'

export interface FollowOptions {
  runtime?: CronRuntime
  store?: HookStore
  limits?: DeltaLimits
}

/** A timer may wake a little before its time. */
const MARGIN_MS = 100

/** A value whose mark lies further behind than this is written anew although nothing in it has changed. */
const MOST_PAYLOADS_AGAIN = 100
const LONGEST_UNMARKED_MS = 86_400_000

/** `met`: for the first time, so that nobody knows what has happened before. */
type Cause = WebhookCause | 'met'

/** Answers after how many ms it wants to be called once more, with the cause `again`; undefined for never. */
export type FollowChanges = (
  record: HookRecord,
  cause: Cause,
  signal: AbortSignal,
) => Promise<number | undefined>

export function followChanges(
  fields: readonly AnyField[],
  api: () => Promise<WebhooksApi>,
  { runtime = fieldRuntime(), store = hookStore(runtime), limits = DELTA_LIMITS }: FollowOptions = {},
): FollowChanges {
  return async (record, cause, signal) => {
    const options = { announced: cause === 'ping', quiet: cause === 'again', signal }
    const run = createChangeRun(await api(), record, options)
    const followers = fields.filter(isAirtableField).filter((field) => isWatched(field, run))
    const failures: unknown[] = []
    let pending = 0
    // Lists first: they take a moment, and reading everything may take half a minute.
    for (const field of followers.sort((one, other) => rank(one) - rank(other))) {
      signal.throwIfAborted()
      try {
        pending += await follow(runtime, field, run, limits, cause)
      } catch (error) {
        if (runtime.ports.isControlFlow(error)) throw error
        failures.push(error)
      }
    }
    await tellDerived(followers, run, runtime)
    if (failures.length > 0) throw failures[0]
    if (cause === 'met' || run.end() > record.cursor) await store.save({ ...record, cursor: run.end() })
    return pending > 0 ? limits.lagMs + MARGIN_MS : undefined
  }
}

const rank = ({ airtable }: AirtableField<unknown>): number => (airtable.list ? 0 : 1)

function isWatched({ airtable }: AirtableField<unknown>, { record }: ChangeRun): boolean {
  const { baseId, tableId } = airtable.table.locate()
  return (
    baseId === record.baseId &&
    (record.scope === null || !isTableId(record.scope) || sameTable(record.scope, tableId))
  )
}

/** A table that is given by its name may be any of them. */
const sameTable = (known: string, given: string): boolean => known === given || !isTableId(given)

/** How many records have to be looked at once more. */
async function follow(
  runtime: CronRuntime,
  field: AirtableField<unknown>,
  run: ChangeRun,
  limits: DeltaLimits,
  cause: Cause,
  again = false,
): Promise<number> {
  const place = placeOf(runtime, await runtime.store(), field)
  const look = await lookAt(runtime, place)
  const standing = await standingOf(runtime, field, look)
  if (standing === null) {
    if (cause !== 'met' && !touches(await run.drainFrom(run.record.cursor), field)) return 0
    const { tokens } = look
    // Its value will tell from where on it is behind. Voided by each change, a large view would never be read to its end.
    if (allPresent(tokens) && (await isHalfFetched(runtime, { place, tokens })))
      throw airtableHalfRead(field.name)
    // What is only being fetched may have been read before the change, and would be taken for new.
    await invalidateField(field, runtime)
    return 0
  }
  const now = runtime.ports.clock.now()
  if (standing.mark === null && !(await mayHaveMissed(field, run, cause))) return 0
  const plan = await planFor(subjectOf(field, run), standing, run.drainFrom, now, limits)
  if (plan.kind === 'none' && !fallsBehind(standing, plan.drained, now)) return 0
  const told = { pending: 0 }
  const fetcher = changeFetcher(field, run, limits, runtime.ports, told)
  const { stored, entry } = await forceRefresh(runtime, { ...field, fetcher }, 'change')
  if (!stored) throw cacheUnavailable(new Error('what has changed was fetched but not stored'))
  // Its first part may have been read before what this run has seen.
  const behind = (decodeMark(entry.note)?.cursor ?? run.end()) < run.end()
  return behind && !again ? follow(runtime, field, run, limits, cause, true) : told.pending
}

/** Of a value without a mark nobody can tell what it has missed: only a ping for something else is no reason to read it. */
async function mayHaveMissed(field: AirtableField<unknown>, run: ChangeRun, cause: Cause): Promise<boolean> {
  return cause === 'met' || cause === 'cron' || touches(await run.drainFrom(run.record.cursor), field)
}

async function standingOf(
  { cipherFor }: CronRuntime,
  field: AnyField,
  { valid }: Look,
): Promise<Standing | null> {
  const entry = valid && (await unpackEntry(valid, cipherFor?.(field)))
  return entry && { mark: decodeMark(entry.note), fetchedAt: entry.fetchedAt }
}

function fallsBehind({ mark }: Standing, drained: Drained, now: number): boolean {
  if (mark === null) return false
  return (
    drained.cursor - mark.cursor > MOST_PAYLOADS_AGAIN ||
    (drained.payloads > 0 && now - mark.at > LONGEST_UNMARKED_MS)
  )
}

function touches({ tables, unreadable }: Drained, { airtable }: AirtableField<unknown>): boolean {
  if (unreadable) return true
  const { tableId } = airtable.table.locate()
  return isTableId(tableId) ? tables.has(tableId) : tables.size > 0
}

/** Whatever was made of a table that has changed, besides these fields. */
async function tellDerived(
  followers: readonly AirtableField<unknown>[],
  run: ChangeRun,
  runtime: CronRuntime,
): Promise<void> {
  const changed = followers.filter((field) => run.seen().some((drained) => touches(drained, field)))
  const tags = [...new Set(changed.map(({ airtable }) => changeTag(airtable.table)))]
  if (tags.length > 0) await invalidateTags(tags, runtime)
}

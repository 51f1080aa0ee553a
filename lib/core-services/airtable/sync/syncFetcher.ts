/** The fetcher of a field for one run: by the records that were touched, or by reading everything. */

import type { Ports } from '../../../shared/ports'
import type { FetchContext, Previous } from '../../cache/fields/fieldConfig'
import { serviceRegistry } from '../../service-registry'
import { type AirtableField, shapeOf } from '../airtableField'
import type { ChangeRun } from '../changelog/changeLog'
import type { DeltaLimits } from '../changelog/syncLimits'
import { type ChangeMark, decodeMark, isPending } from '../changelog/syncMark'
import { reportFlaws } from '../records/items'
import { isTableId } from '../records/table'
import { applyDelta, carriedOn, checkByColumns } from './applyDelta'
import { planFor, type Subject, type WhyFull } from './syncPlan'

/** What a read that was too old may need to become a new one, in ms. */
const READ_AGAIN_AFTER_MS = 1_500

export function changeFetcher(
  field: AirtableField<unknown>,
  run: ChangeRun,
  limits: DeltaLimits,
  { clock, emit }: Pick<Ports, 'clock' | 'emit'>,
  told: Told,
): (context: FetchContext) => Promise<unknown> {
  const { airtable } = field
  const { table, view, columns, list } = airtable
  const { baseId, tableId } = table.locate()

  /**
   * What was announced a moment ago may be missing in what is read now. A few known records are looked at once more;
   * where it is not known which, or only all of them tell anything, the read begins when it is to be believed.
   */
  async function whole(context: FetchContext, why: WhyFull, mark: ChangeMark | null): Promise<unknown> {
    const position = await run.position()
    const ids = await announcedIds(mark)
    const now = clock.now()
    if (!ids) await clock.sleep(limits.lagMs, context.signal)
    const pending = Object.fromEntries((ids ?? []).map((id) => [id, now]))
    told.pending = ids?.length ?? 0
    emit({ type: 'field.synced', field: field.name, how: 'all', why, records: 0, pending: told.pending })
    return airtable.read(context, position && { ...position, pending }, await announced(mark))
  }

  /** All records that are known to have changed since the value was read. */
  async function announced(mark: ChangeMark | null): Promise<ReadonlySet<string>> {
    const { tables } = await run.drainFrom(mark?.hook === run.record.id ? mark.cursor : run.record.followed)
    return new Set(tables.get(tableId)?.records.keys())
  }

  /** The records that a read of now may not show as they are; null for unknown ones or too many. */
  async function announcedIds(mark: ChangeMark | null): Promise<string[] | null> {
    const followed = mark?.hook === run.record.id ? mark : null
    const { tables, unreadable } = await run.drainFrom(followed?.cursor ?? run.record.followed)
    const { tableId: known } = subjectOf(field, run)
    if (unreadable || (known === null && tables.size > 0)) return null
    const since = clock.now() - limits.lagMs
    if ((followed?.anyPending ?? 0) > since) return null
    const noted = Object.entries({ ...followed?.shown, ...followed?.pending })
    const waiting = noted.filter(([, at]) => at > since)
    const ids = new Set([...(tables.get(known ?? '')?.records.keys() ?? []), ...waiting.map(([id]) => id)])
    const cheap = list !== undefined || (followed !== null && followed.records <= limits.smallView)
    return ids.size === 0 || (cheap && ids.size <= limits.mostRecords) ? [...ids] : null
  }

  async function fetched(context: FetchContext, previous: Previous | null): Promise<unknown> {
    const { signal, startedAt } = context
    const mark = previous && decodeMark(previous.note)
    if (!previous || !mark) return whole(context, 'no-mark', null)
    const standing = { mark, fetchedAt: previous.fetchedAt }
    const plan = await planFor(subjectOf(field, run), standing, run.drainFrom, startedAt, limits)
    if (plan.kind === 'full') return whole(context, plan.why, mark)
    // After the log was listed: from then on reads have to show what it says.
    const now = clock.now()
    if (plan.kind === 'none' || !list) {
      context.keep(carriedOn(previous, { ...mark, cursor: plan.drained.cursor, at: now }))
      told.pending = isPending(mark) ? 1 : 0
      return previous.value
    }
    const airtableService = await serviceRegistry.getService('airtable')
    const read = (ids: readonly string[]) =>
      airtableService.fetchRecords(baseId, tableId, { view, fields: columns, ids, signal })
    const merged = await applyDelta(
      { list, previous, mark, plan, read, now, lagMs: limits.lagMs, context },
      checkByColumns(columns, plan.changes),
      async () => {
        await clock.sleep(READ_AGAIN_AFTER_MS, signal)
        return clock.now()
      },
    )
    told.pending = merged.pending
    const { records, pending, value, flaws } = merged
    emit({ type: 'field.synced', field: field.name, how: 'records', why: null, records, pending })
    reportFlaws(field.name, flaws)
    return value
  }

  return async (context) => {
    told.pending = 0
    const previous = await context.previous()
    const before = previous && JSON.stringify(previous.value)
    const value = await fetched(context, previous)
    told.changed = before !== JSON.stringify(value)
    return value
  }
}

/** What came of following a change. */
export interface Told {
  /** How many records have to be looked at once more. */
  pending: number
  /** Whether the value is another one than before. */
  changed: boolean
}

export function subjectOf(field: AirtableField<unknown>, run: ChangeRun): Subject {
  const { airtable } = field
  const { tableId } = airtable.table.locate()
  return {
    tableId: isTableId(tableId) ? tableId : null,
    hook: run.record.id,
    shape: shapeOf(airtable),
    list: airtable.list !== undefined,
  }
}

/** The fetcher of a field for one run: by the records that were touched, or by reading everything. */
import type { FetchContext } from '../../cache/engine/fieldConfig'
import type { Ports } from '../../cache/engine/ports'
import { serviceRegistry } from '../../service-registry'
import { type AirtableField, isTableId, shapeOf } from '../airtableField'
import { decodeMark } from './changeMark'
import type { ChangeRun } from './changeRun'
import { applyDelta, carriedOn, checkByColumns } from './delta'
import { type DeltaLimits, planFor, type Subject, type WhyFull } from './plan'

/** What a read that was too old may need to become a new one, in ms. */
const READ_AGAIN_AFTER_MS = 1_500

export function changeFetcher(
  field: AirtableField<unknown>,
  run: ChangeRun,
  limits: DeltaLimits,
  { clock, emit }: Pick<Ports, 'clock' | 'emit'>,
  told: { pending: number },
): (context: FetchContext) => Promise<unknown> {
  const { airtable } = field
  const { table, view, columns, list } = airtable
  const { baseId, tableId } = table.locate()

  async function whole(context: FetchContext, why: WhyFull): Promise<unknown> {
    emit({ type: 'change.followed', field: field.name, how: 'all', why, records: 0, pending: 0 })
    return airtable.read(context, await run.position())
  }

  return async (context) => {
    told.pending = 0
    const { signal, startedAt: now } = context
    const previous = await context.previous()
    const mark = previous && decodeMark(previous.note)
    if (!previous || !mark) return whole(context, 'no-mark')
    const standing = { mark, fetchedAt: previous.fetchedAt }
    const plan = await planFor(subjectOf(field, run), standing, run.drainFrom, now, limits)
    if (plan.kind === 'full') return whole(context, plan.why)
    if (plan.kind === 'none' || !list) {
      context.keep(carriedOn(previous, { ...mark, cursor: plan.drained.cursor, at: now }))
      return previous.value
    }
    const airtableService = await serviceRegistry.getService('airtable')
    const read = (ids: readonly string[]) =>
      airtableService.fetchRecords(baseId, tableId, { view, fields: columns, ids, signal })
    const merged = await applyDelta(
      { list, previous, mark, plan, read, now, context },
      checkByColumns(columns, plan.changes),
      () => clock.sleep(READ_AGAIN_AFTER_MS, signal),
    )
    if (!merged) return whole(context, 'stale-read')
    told.pending = merged.pending
    const { records, pending, value } = merged
    emit({ type: 'change.followed', field: field.name, how: 'records', why: null, records, pending })
    return value
  }
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

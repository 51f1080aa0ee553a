import type { Clock } from '../../../shared/clock'
import type { Ports } from '../../../shared/ports'
import type { FetchContext, Previous } from '../../cache/fields/fieldConfig'
import { serviceRegistry } from '../../service-registry'
import { type AirtableField, buildShape } from '../airtableField'
import type { ChangeLog } from '../changelog/changeLog'
import type { DeltaLimits } from '../changelog/syncLimits'
import { decodeMark, isPending, type SyncMark } from '../changelog/syncMark'
import { reportFlaws } from '../records/items'
import { isTableId } from '../records/table'
import { applyDelta, carryOver, checkByColumns, type Delta } from './applyDelta'
import { type FullReadReason, planSync, type SyncPlan, type SyncSource, type ValueState } from './syncPlan'

const READ_AGAIN_AFTER_MS = 1_500

export interface SyncJob {
  field: AirtableField<unknown>
  log: ChangeLog
  limits: DeltaLimits
  ports: Pick<Ports, 'clock' | 'emit'>
  /** The plan, and the stored value that it was made for. */
  planned: { value: ValueState; plan: SyncPlan }
}

export interface SyncedValue {
  value: unknown
  pending: boolean
  changed: boolean
}

type Fetched = Omit<SyncedValue, 'changed'>

export async function fetchChanges(job: SyncJob, context: FetchContext): Promise<SyncedValue> {
  const previous = await context.previous()
  const before = previous && JSON.stringify(previous.value)
  const fetched = await fetchNext(job, context, previous)
  return { ...fetched, changed: before !== JSON.stringify(fetched.value) }
}

async function fetchNext(job: SyncJob, context: FetchContext, previous: Previous | null): Promise<Fetched> {
  const mark = previous && decodeMark(previous.note)
  if (!previous || !mark) return readWhole(job, context, 'no-mark', null)
  const plan = await choosePlan(job, context, { ...previous, mark })
  if (plan.kind === 'full') return readWhole(job, context, plan.why, mark)
  // Taken after the log was listed, so reads from now on have to show its changes.
  const now = job.ports.clock.now()
  if (plan.kind === 'delta' && job.field.airtable.list)
    return readChanged(job, context, { list: job.field.airtable.list, previous, mark, plan, now })
  context.keep(carryOver(previous, { ...mark, cursor: plan.changes.cursor, at: now }))
  return { value: previous.value, pending: isPending(mark) }
}

/** The plan as it was made, unless another process has replaced the value since. */
function choosePlan(
  { field, log, limits, planned }: SyncJob,
  { startedAt }: FetchContext,
  value: ValueState,
): SyncPlan | Promise<SyncPlan> {
  const { note, fetchedAt } = planned.value
  if (value.note === note && value.fetchedAt === fetchedAt) return planned.plan
  const source = toSyncSource(field, log)
  return planSync({ source, value, readFrom: log.readFrom, now: startedAt, limits })
}

/** A read may not show a recent change. A few affected records are read once more later; otherwise the read waits. */
async function readWhole(
  { field, log, limits, ports: { clock, emit } }: SyncJob,
  context: FetchContext,
  why: FullReadReason,
  mark: SyncMark | null,
): Promise<Fetched> {
  const position = await log.position()
  const ids = await listLaggingIds({ field, log, limits }, mark, clock)
  const now = clock.now()
  if (!ids) await clock.sleep(limits.lagMs, context.signal)
  const pending = Object.fromEntries((ids ?? []).map((id) => [id, now]))
  const count = ids?.length ?? 0
  emit({ type: 'field.synced', field: field.name, how: 'all', why, records: 0, pending: count })
  const announced = await listAnnouncedIds(field, log, mark)
  const value = await field.airtable.read(context, position && { ...position, pending }, announced)
  return { value, pending: count > 0 }
}

async function listAnnouncedIds(
  { airtable }: AirtableField<unknown>,
  log: ChangeLog,
  mark: SyncMark | null,
): Promise<ReadonlySet<string>> {
  const { tables } = await log.readFrom(mark?.hook === log.record.id ? mark.cursor : log.record.followed)
  return new Set(tables.get(airtable.table.locate().tableId)?.records.keys())
}

/** Null when the records are unknown or too many. */
async function listLaggingIds(
  { field, log, limits }: Pick<SyncJob, 'field' | 'log' | 'limits'>,
  mark: SyncMark | null,
  clock: Pick<Clock, 'now'>,
): Promise<string[] | null> {
  const own = mark?.hook === log.record.id ? mark : null
  const { tables, unreadable } = await log.readFrom(own?.cursor ?? log.record.followed)
  const { tableId, list } = toSyncSource(field, log)
  if (unreadable || (tableId === null && tables.size > 0)) return null
  const since = clock.now() - limits.lagMs
  if ((own?.anyPending ?? 0) > since) return null
  const noted = Object.entries({ ...own?.shown, ...own?.pending })
  const waiting = noted.filter(([, at]) => at > since)
  const ids = new Set([...(tables.get(tableId ?? '')?.records.keys() ?? []), ...waiting.map(([id]) => id)])
  const cheap = list || (own !== null && own.records <= limits.smallView)
  return ids.size === 0 || (cheap && ids.size <= limits.mostRecords) ? [...ids] : null
}

async function readChanged(
  { field, limits, ports: { clock, emit } }: SyncJob,
  context: FetchContext,
  update: Pick<Delta, 'list' | 'previous' | 'mark' | 'plan' | 'now'>,
): Promise<Fetched> {
  const { signal } = context
  const { table, view, columns } = field.airtable
  const { baseId, tableId } = table.locate()
  const airtable = await serviceRegistry.getService('airtable')
  const read = (ids: readonly string[]) =>
    airtable.fetchRecords(baseId, tableId, { view, fields: columns, ids, signal })
  const { records, pending, value, flaws } = await applyDelta({
    ...update,
    read,
    check: checkByColumns(columns, update.plan.records),
    async waitForNewerRead() {
      await clock.sleep(READ_AGAIN_AFTER_MS, signal)
      return clock.now()
    },
    lagMs: limits.lagMs,
    context,
  })
  emit({ type: 'field.synced', field: field.name, how: 'records', why: null, records, pending })
  reportFlaws(field.name, flaws)
  return { value, pending: pending > 0 }
}

export function toSyncSource({ airtable }: AirtableField<unknown>, { record }: ChangeLog): SyncSource {
  const { tableId } = airtable.table.locate()
  return {
    tableId: isTableId(tableId) ? tableId : null,
    hook: record.id,
    shape: buildShape(airtable),
    list: airtable.list !== undefined,
  }
}

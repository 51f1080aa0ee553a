/**
 * Updates a list from its changed records. Each is read again from the view. Such a read can be older than the
 * announcement, so only a second read, some time later, is believed. Until then no absent record is removed, and the
 * records stay `pending`.
 */
import type { FetchContext, Previous, ValueMetadata } from '../../cache/fields/fieldConfig'
import { encodeMark, fitMark, type SyncMark } from '../changelog/syncMark'
import { attachmentsEnd } from '../records/attachments'
import { type Flaws, type ItemMaker, type Listed, makeItems } from '../records/items'
import type { AirtableRecord } from '../records/page'
import type { SyncPlan } from './syncPlan'

export interface DeltaList extends ItemMaker {
  sort(items: Listed[]): Listed[]
}

export interface Delta {
  list: DeltaList
  previous: Previous
  mark: SyncMark
  plan: Extract<SyncPlan, { kind: 'delta' }>
  read(ids: readonly string[]): Promise<AirtableRecord[]>
  check: ReadCheck
  /** Resolves with the time when another read can be newer. A record that is still older then keeps its item. */
  waitForNewerRead(): Promise<number>
  now: number
  lagMs: number
  context: Pick<FetchContext, 'keep'>
}

/** Whether a read shows the announced change. Known only for columns that are asked for by id. */
export type ReadCheck = (record: AirtableRecord | undefined, id: string) => 'new' | 'old' | 'unknown'

export interface Merged {
  value: Listed[]
  records: number
  pending: number
  flaws: Flaws
}

export async function applyDelta(delta: Delta): Promise<Merged> {
  const { list, previous, mark, plan, read, check, waitForNewerRead, now, lagMs, context } = delta
  const { records: changes, due } = plan
  const items = new Map((previous.value as Listed[]).map((item) => [item.id, item]))
  const before = items.size
  const destroyed = [...changes].flatMap(([id, change]) => (change.destroyed ? [id] : []))
  const wanted = [...new Set([...changes.keys(), ...Object.keys(mark.pending)])].filter(
    (id) => !changes.get(id)?.destroyed,
  )
  for (const id of destroyed) items.delete(id)
  const found = byId(await read(wanted))
  const isOld = (id: string) => check(found.get(id), id) === 'old'
  const old = wanted.filter(isOld)
  let lastRead = now
  if (old.length > 0) {
    lastRead = await waitForNewerRead()
    for (const [id, record] of byId(await read(old))) found.set(id, record)
  }
  const made = await makeItems([...found.values()], list)
  const pending: Record<string, number> = {}
  const proven = [...destroyed]
  for (const id of wanted) {
    const record = found.get(id)
    // A record that was pending before may lack earlier changes, which the last announced cells do not show.
    const shown = check(record, id) === 'new' && mark.pending[id] === undefined
    const settled = shown || (due.has(id) && !changes.has(id))
    if (shown) proven.push(id)
    if (!settled) pending[id] = changes.has(id) ? now : (mark.pending[id] ?? now)
    if (isOld(id)) {
      pending[id] = lastRead
      continue
    }
    if (made.flaws.unreadable.includes(id)) continue
    const item = made.items.get(id)
    if (item) items.set(id, item)
    else if (record || settled) items.delete(id)
  }
  const { cursor } = plan.changes
  const records = Math.max(0, mark.records + items.size - before)
  const endsAt = attachmentsEnd([...found.values()], now)
  const shown = {
    ...takeAfter(mark.shown, now - lagMs),
    ...Object.fromEntries(proven.map((id) => [id, now])),
  }
  const next = fitMark({ ...mark, cursor, at: now, records, pending, shown })
  context.keep(carryOver(previous, next, endsAt))
  return {
    value: list.sort([...items.values()]),
    records: wanted.length + destroyed.length,
    pending: next.anyPending === undefined ? Object.keys(pending).length : Math.max(1, next.records),
    flaws: made.flaws,
  }
}

const takeAfter = (times: SyncMark['shown'] = {}, since: number) =>
  Object.fromEntries(Object.entries(times).filter(([, at]) => at > since))

/** Most of an updated value is as old as the previous one, so it keeps that age and end. */
export function carryOver(
  { fetchedAt, endsAt }: Previous,
  mark: SyncMark,
  newEnd?: number | undefined,
): ValueMetadata {
  const ends = [endsAt, newEnd].filter((end) => end !== undefined)
  return {
    note: encodeMark({ ...mark, followed: true }),
    fetchedAt,
    ...(ends.length === 0 ? {} : { endsAt: Math.min(...ends) }),
  }
}

/** For columns that are asked for by id. Only texts, numbers and ticks look alike in payloads and in records. */
export function checkByColumns(
  columns: readonly string[],
  changes: Extract<SyncPlan, { kind: 'delta' }>['records'],
): ReadCheck {
  return (record, id) => {
    const { cells = {}, untold = false } = changes.get(id) ?? {}
    const announced = Object.entries(cells)
    const asked = announced.filter(([column, cell]) => columns.includes(column) && isPlain(cell))
    if (!record || asked.length === 0) return 'unknown'
    if (asked.some(([column, cell]) => plain(record.fields[column]) !== plain(cell))) return 'old'
    // Another column may have taken the record out of the view.
    return asked.length === announced.length && !untold ? 'new' : 'unknown'
  }
}

const isPlain = (cell: unknown): boolean => cell === null || typeof cell !== 'object'

/** Airtable leaves out empty cells. */
const plain = (cell: unknown): unknown => (cell === null || cell === '' || cell === false ? undefined : cell)

const byId = (records: readonly AirtableRecord[]) => new Map(records.map((record) => [record.id, record]))

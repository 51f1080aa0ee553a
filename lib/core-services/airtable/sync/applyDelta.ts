/**
 * Brings a list up to date by the records that were touched. Each is read again from the view, which alone says whether
 * it belongs there and how it looks. Such a read can be older than the announcement, so what it shows is believed only
 * after a second one, some time later: until then nothing disappears for being absent, and the records stay `pending`.
 */
import type { FetchContext, Kept, Previous } from '../../cache/fields/fieldConfig'
import { type ChangeMark, encodeMark, fitted } from '../changelog/syncMark'
import { attachmentsEnd } from '../records/attachments'
import { type Flaws, type ItemMaker, type Listed, makeItems } from '../records/items'
import type { AirtableRecord } from '../records/page'
import type { Plan } from './syncPlan'

export interface DeltaList extends ItemMaker {
  sort(items: Listed[]): Listed[]
}

export interface Delta {
  list: DeltaList
  previous: Previous
  mark: ChangeMark
  plan: Extract<Plan, { kind: 'delta' }>
  /** Reads records out of the view, as far as they are in it. */
  read(ids: readonly string[]): Promise<AirtableRecord[]>
  now: number
  /** How old a read can be, in ms. */
  lagMs: number
  context: Pick<FetchContext, 'keep'>
}

/** Whether a record is known to be read as new as it was announced; only who asks for columns by id can tell. */
export type ReadCheck = (record: AirtableRecord | undefined, id: string) => 'new' | 'old' | 'unknown'

export interface Merged {
  value: Listed[]
  /** How many were touched. */
  records: number
  pending: number
  flaws: Flaws
}

/**
 * `again` waits until another read can be newer, and tells what time it is then. Whoever is read as older than announced
 * even then stays as he was, and is looked at once more as well.
 */
export async function applyDelta(
  { list, previous, mark, plan, read, now, lagMs, context }: Delta,
  check: ReadCheck,
  again: () => Promise<number>,
): Promise<Merged> {
  const { changes, due } = plan
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
    lastRead = await again()
    for (const [id, record] of byId(await read(old))) found.set(id, record)
  }
  const made = await makeItems([...found.values()], list)
  const pending: Record<string, number> = {}
  const proven = [...destroyed]
  for (const id of wanted) {
    const record = found.get(id)
    // Of one that was pending before, earlier changes may be missing that the cells of the last ones do not tell.
    const shown = check(record, id) === 'new' && mark.pending[id] === undefined
    const settled = shown || (due.has(id) && !changes.has(id))
    if (shown) proven.push(id)
    if (!settled) pending[id] = changes.has(id) ? now : (mark.pending[id] ?? now)
    if (isOld(id)) {
      pending[id] = lastRead
      continue
    }
    // One that cannot be read stays as it was.
    if (made.flaws.unreadable.includes(id)) continue
    const item = made.items.get(id)
    if (item) items.set(id, item)
    else if (record || settled) items.delete(id)
  }
  const { cursor } = plan.drained
  const records = Math.max(0, mark.records + items.size - before)
  const endsAt = attachmentsEnd([...found.values()], now)
  const shown = { ...lately(mark.shown, now - lagMs), ...Object.fromEntries(proven.map((id) => [id, now])) }
  const next = fitted({ ...mark, cursor, at: now, records, pending, shown })
  context.keep(carriedOn(previous, next, endsAt))
  return {
    value: list.sort([...items.values()]),
    records: wanted.length + destroyed.length,
    pending: next.anyPending === undefined ? Object.keys(pending).length : Math.max(1, next.records),
    flaws: made.flaws,
  }
}

/** Those after a time. */
const lately = (times: ChangeMark['shown'] = {}, since: number) =>
  Object.fromEntries(Object.entries(times).filter(([, at]) => at > since))

/** What is kept with a value that is as old as the one that it was made of, in all but what was touched. */
export function carriedOn(
  { fetchedAt, endsAt }: Previous,
  mark: ChangeMark,
  newEnd?: number | undefined,
): Kept {
  const ends = [endsAt, newEnd].filter((end) => end !== undefined)
  return {
    note: encodeMark({ ...mark, followed: true }),
    fetchedAt,
    ...(ends.length === 0 ? {} : { endsAt: Math.min(...ends) }),
  }
}

/**
 * For columns that are asked for by id: whether a record shows the cells that its changes have set. Only texts, numbers
 * and ticks look alike in payloads and in records.
 */
export function checkByColumns(
  columns: readonly string[],
  changes: Extract<Plan, { kind: 'delta' }>['changes'],
): ReadCheck {
  return (record, id) => {
    const { cells = {}, untold = false } = changes.get(id) ?? {}
    const told = Object.entries(cells)
    const asked = told.filter(([column, cell]) => columns.includes(column) && isPlain(cell))
    if (!record || asked.length === 0) return 'unknown'
    if (asked.some(([column, cell]) => plain(record.fields[column]) !== plain(cell))) return 'old'
    // By any other column it may have left the view.
    return asked.length === told.length && !untold ? 'new' : 'unknown'
  }
}

const isPlain = (cell: unknown): boolean => cell === null || typeof cell !== 'object'

/** Airtable leaves out what is empty. */
const plain = (cell: unknown): unknown => (cell === null || cell === '' || cell === false ? undefined : cell)

const byId = (records: readonly AirtableRecord[]) => new Map(records.map((record) => [record.id, record]))

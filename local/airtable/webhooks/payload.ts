import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../tables/store'
import { type Field, isEmpty, type RecordData, type Table, type ViewData } from '../tables/table'
import type { Cells, createCells } from './cells'
import { resolveScope, type Specification } from './specification'

type Entry =
  | { readonly kind: 'created'; readonly id: string; readonly createdTime: string; readonly cells: Cells }
  | { readonly kind: 'changed'; readonly id: string; readonly cells: Record<ChangedPart, Cells> }
  | { readonly kind: 'destroyed'; readonly id: string }
type ChangedPart = 'current' | 'previous' | 'unchanged'
type CellValues = { cellValuesByFieldId: Cells }

const CHANGE_TYPES = { created: 'add', changed: 'update', destroyed: 'remove' } as const

function classifyChange({ before, after }: Change, view: ViewData | undefined): Entry['kind'] | undefined {
  const shown = (record: RecordData | undefined) =>
    record !== undefined && (view?.includes?.(record.fields) ?? true)
  if (shown(before)) return shown(after) ? 'changed' : 'destroyed'
  return shown(after) ? 'created' : undefined
}

const same = (a: unknown, b: unknown): boolean => (isEmpty(a) && isEmpty(b)) || isDeepStrictEqual(a, b)

/** Undefined when the specification of the webhook excludes the change. */
function buildEntry(
  table: Table,
  change: Change,
  view: ViewData | undefined,
  { filters, includes }: Specification['options'],
  cells: ReturnType<typeof createCells>,
): Entry | undefined {
  const { id, before, after } = change
  const kind = classifyChange(change, view)
  if (kind === undefined || !(filters.changeTypes?.includes(CHANGE_TYPES[kind]) ?? true)) return undefined
  const watched = ({ id: field }: Field) => filters.watchDataInFieldIds?.includes(field) ?? true
  const included = includes?.includeCellValuesInFieldIds ?? []
  const carried = ({ id: field }: Field) => included === 'all' || included.includes(field)
  if (kind === 'destroyed' || after === undefined) return { kind: 'destroyed', id }
  if (kind === 'created' || before === undefined) {
    const filled = table.fields.filter(({ name }) => !isEmpty(after.fields[name]))
    const reported = filled.filter((field) => watched(field) || carried(field))
    return { kind: 'created', id, createdTime: after.createdTime, cells: cells(table, after, reported) }
  }
  const changed = table.fields.filter((f) => watched(f) && !same(before.fields[f.name], after.fields[f.name]))
  if (changed.length === 0) return undefined
  const others = table.fields.filter((field) => carried(field) && !changed.includes(field))
  return {
    kind: 'changed',
    id,
    cells: {
      current: cells(table, after, changed),
      previous: includes?.includePreviousCellValues === true ? cells(table, before, changed) : {},
      unchanged: cells(table, after, others),
    },
  }
}

/** Also splits a record with several changed cells. */
function split(entries: readonly Entry[], parts: number): Entry[][] {
  const pieces = entries.flatMap((entry): Entry[] => {
    if (entry.kind !== 'changed') return [entry]
    const { current, previous, unchanged } = entry.cells
    return Object.keys(current).map((field) => {
      const only = (all: Cells): Cells => (field in all ? { [field]: all[field] } : {})
      return { ...entry, cells: { current: only(current), previous: only(previous), unchanged } }
    })
  })
  const count = Math.min(parts, pieces.length)
  const start = (part: number) => Math.floor((part * pieces.length) / count)
  return Array.from({ length: count }, (_, part) => pieces.slice(start(part), start(part + 1)))
}

function write(entries: readonly Entry[]) {
  const created: Record<string, CellValues & { createdTime: string }> = {}
  const changed: Record<string, Partial<Record<ChangedPart, CellValues>>> = {}
  const destroyed: string[] = []
  for (const entry of entries) {
    if (entry.kind === 'destroyed') destroyed.push(entry.id)
    if (entry.kind === 'created') {
      created[entry.id] = { cellValuesByFieldId: entry.cells, createdTime: entry.createdTime }
    }
    if (entry.kind !== 'changed') continue
    const record = { ...changed[entry.id] }
    for (const part of ['current', 'previous', 'unchanged'] as const) {
      const values = { ...record[part]?.cellValuesByFieldId, ...entry.cells[part] }
      if (Object.keys(values).length > 0) record[part] = { cellValuesByFieldId: values }
    }
    changed[entry.id] = record
  }
  return {
    ...(Object.keys(created).length > 0 && { createdRecordsById: created }),
    ...(Object.keys(changed).length > 0 && { changedRecordsById: changed }),
    ...(destroyed.length > 0 && { destroyedRecordIds: destroyed }),
  }
}

/** Returns one part for each payload; empty when the webhook watches none of the changes. */
export function describeChanges(
  specification: Specification,
  table: Table,
  changes: readonly Change[],
  parts: number,
  cells: ReturnType<typeof createCells>,
): object[] {
  const { filters } = specification.options
  const scope = resolveScope(specification, table)
  const wanted =
    filters.dataTypes.includes('tableData') && (filters.fromSources?.includes('publicApi') ?? true)
  if (scope === undefined || !wanted) return []
  const { view } = scope
  const entries = changes.flatMap(
    (change) => buildEntry(table, change, view, specification.options, cells) ?? [],
  )
  if (entries.length === 0) return []
  return split(entries, parts).map((part) => {
    const written = write(part)
    const tableChanges = view === undefined ? written : { changedViewsById: { [view.id]: written } }
    return { changedTablesById: { [table.id]: tableChanges } }
  })
}

import { invalidOffset, invalidRequest, iteratorNotAvailable, unknownField, viewNotFound } from './errors'
import type { Iterators, Position } from './iterators'
import { type ListParameters, parseListParameters } from './listParameters'
import { renderRecord } from './render'
import type { Table } from './store'
import type { Answer, RecordData } from './types'

const collator = new Intl.Collator('en', { sensitivity: 'base', numeric: true })

function compareCells(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return collator.compare(String(a ?? ''), String(b ?? ''))
}

function sorted(records: readonly RecordData[], sort: ListParameters['sort']): readonly RecordData[] {
  if (sort.length === 0) return records
  return [...records].sort((a, b) => {
    for (const { field, direction } of sort) {
      const order = compareCells(a.fields[field], b.fields[field])
      if (order !== 0) return direction === 'asc' ? order : -order
    }
    return 0
  })
}

function firstPage(table: Table, parameters: ListParameters): Position | Answer {
  const view = parameters.view === undefined ? undefined : table.findView(parameters.view)
  if (parameters.view !== undefined && view === undefined) return viewNotFound(parameters.view)
  const records = sorted(table.list(view), parameters.sort).slice(0, parameters.maxRecords)
  return {
    tableId: table.id,
    recordIds: records.map((record) => record.id),
    iteratorId: undefined,
    start: 0,
  }
}

function laterPage(table: Table, offset: string, iterators: Iterators): Position | Answer {
  const resumed = iterators.resume(offset, table.id)
  if (resumed === 'malformed') return invalidOffset()
  return resumed === 'gone' ? iteratorNotAvailable() : resumed
}

/** Answers one page of a list; `raw` are the parameters as they came in, by query or by body. */
export function listRecords(table: Table, raw: unknown, iterators: Iterators): Answer {
  const parsed = parseListParameters(raw)
  if ('problem' in parsed) return invalidRequest(parsed.problem)
  const parameters = parsed.value

  const named = [...(parameters.fields ?? []), ...parameters.sort.map(({ field }) => field)]
  const stranger = named.find((name) => !table.fields.has(name))
  if (stranger !== undefined) return unknownField(stranger)

  const { offset } = parameters
  const position = offset === undefined ? firstPage(table, parameters) : laterPage(table, offset, iterators)
  if ('status' in position) return position

  const end = position.start + parameters.pageSize
  const wanted = parameters.fields && new Set(parameters.fields)
  const records = position.recordIds
    .slice(position.start, end)
    .flatMap((id) => table.find(id) ?? [])
    .map((record) => renderRecord(record, wanted))
  const next = iterators.offsetAt(position, end)
  return { status: 200, body: next === undefined ? { records } : { records, offset: next } }
}

import { fail, notFound, refuse } from './errors'
import type { Offsets } from './offsets'
import { check, deletedIds, getParameters, listParameters, writeBatch, writeParameters } from './parameters'
import { ATTACHMENTS, keepAttachments } from './tables/attachments'
import type { Change, Commit } from './tables/store'
import { getField, getView, listView, newId, type RecordData, render, type Table } from './tables/table'

const collator = new Intl.Collator('en', { sensitivity: 'base', numeric: true })

function compareCells(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return collator.compare(String(a ?? ''), String(b ?? ''))
}

const TERM = /^\s*RECORD_ID\s*\(\s*\)\s*=\s*(['"])(\w+)\1\s*$/

/** Parses `RECORD_ID()='rec…'`, alone or in `OR(…)`. Refuses other formulas. */
function parseFormula(formula: string): readonly unknown[] {
  const [, terms = formula] = /^\s*OR\s*\((.*)\)\s*$/s.exec(formula) ?? []
  const ids = terms.split(',').map((term) => TERM.exec(term)?.[2])
  if (!ids.includes(undefined)) return ids
  const own = "this local server supports only RECORD_ID()='rec…', alone or several in OR(…)."
  return fail(422, 'INVALID_FILTER_BY_FORMULA', `The formula for filtering records is invalid: ${own}`)
}

export function listRecords(table: Table, raw: unknown, offsets: Offsets) {
  const { offset, pageSize, ...parameters } = check(listParameters, raw)
  const wanted = parameters.fields?.map((name) => getField(table, name)) ?? table.fields
  const view = parameters.view === undefined ? undefined : getView(table, parameters.view)
  const ids = parameters.filterByFormula && parseFormula(parameters.filterByFormula)
  const found = listView(table, view).filter(({ id }) => !ids || ids.includes(id))
  // Sorting is stable, so the most important sort runs last.
  for (const { field, direction } of parameters.sort.toReversed()) {
    const { name } = getField(table, field)
    const sign = direction === 'asc' ? 1 : -1
    found.sort((a, b) => sign * compareCells(a.fields[name], b.fields[name]))
  }

  const recordIds = found.slice(0, parameters.maxRecords).map(({ id }) => id)
  const first = { tableId: table.id, recordIds, start: 0 }
  const position = offset === undefined ? first : offsets.resume(table.id, offset)
  const end = position.start + pageSize
  const page = position.recordIds.slice(position.start, end).flatMap((id) => table.records.get(id) ?? [])
  const metadata = parameters.recordMetadata.length > 0 && { commentCount: 0 }
  const records = page.map((record) => ({
    ...render(table, record, wanted, parameters.returnFieldsByFieldId),
    ...metadata,
  }))
  return { records, offset: offsets.offsetAt(position, end) }
}

export function getRecord(table: Table, recordId: string, raw: unknown) {
  const { returnFieldsByFieldId } = check(getParameters, raw)
  return render(table, table.records.get(recordId) ?? refuse(notFound), table.fields, returnFieldsByFieldId)
}

/** POST creates, PATCH overwrites the named cells, PUT also empties the others; null or "" empties a cell. */
export function writeRecords(table: Table, method: string, recordId: string, raw: object, commit: Commit) {
  const creates = method === 'POST'
  const single = recordId !== '' || (creates && !('records' in raw))
  const missing = single && !('fields' in raw)
  if (missing)
    fail(422, 'INVALID_REQUEST_MISSING_FIELDS', 'Could not find field "fields" in the request body')
  const { fields, records, returnFieldsByFieldId } = check(writeParameters, raw)
  const given = single ? [creates ? { fields } : { id: recordId, fields }] : records
  const { data: changes } = writeBatch.safeParse(given)
  if (changes === undefined || changes.some(({ id }) => (id === undefined) !== creates)) {
    const needs = creates ? 'a "fields" object' : 'an "id" ID field and a "fields" object'
    const message = `You must provide an array of up to 10 record objects, each with ${needs} for cell values.`
    return fail(422, 'INVALID_RECORDS', message)
  }

  const written = changes.map(({ id, fields }) => {
    const before = id === undefined ? undefined : table.records.get(id)
    if (before === undefined && !creates) {
      const message = `Record ID ${id} does not exist in this table`
      return single ? refuse(notFound) : fail(422, 'ROW_DOES_NOT_EXIST', message)
    }
    const cells = Object.entries(fields).map(([wanted, value]) => {
      const { name, type } = getField(table, wanted)
      return [name, type === ATTACHMENTS ? keepAttachments(value, before?.fields[name]) : value]
    })
    const kept = before ?? { id: newId('rec'), createdTime: new Date().toISOString(), fields: {} }
    const after: RecordData = {
      ...kept,
      fields: { ...(method !== 'PUT' && kept.fields), ...Object.fromEntries(cells) },
    }
    return { id: after.id, before, after } satisfies Change
  })
  commit(table, written)
  const rendered = written.map(({ after }) => render(table, after, table.fields, returnFieldsByFieldId))
  return single ? rendered[0] : { records: rendered }
}

/** Deletes all or none. */
export function deleteRecords(table: Table, recordId: string, raw: unknown, commit: Commit) {
  const { data: ids } = deletedIds.safeParse(recordId === '' ? raw : [recordId])
  if (!ids) return fail(422, 'INVALID_RECORDS', '"records" must be an array of up to 10 record IDs.')
  if (!ids.every((id) => table.records.has(id))) return refuse(notFound)
  commit(
    table,
    ids.map((id) => ({ id, before: table.records.get(id) })),
  )
  const deleted = ids.map((id) => ({ deleted: true, id }))
  return recordId === '' ? { records: deleted } : deleted[0]
}

import { z } from 'zod'
import { invalidRequest, notFound, unknownField } from './errors'
import { renderRecord } from './render'
import type { Table } from './store'
import type { Answer } from './types'

const changes = z.object({ fields: z.record(z.string(), z.unknown()) })

/** Answers one record. */
export function getRecord(table: Table, recordId: string): Answer {
  const record = table.find(recordId)
  return record === undefined ? notFound() : { status: 200, body: renderRecord(record) }
}

/** Changes the cells named in the body's `fields` and answers the whole record; null or "" empties a cell. */
export function updateRecord(table: Table, recordId: string, body: unknown): Answer {
  const parsed = changes.safeParse(body)
  if (!parsed.success) return invalidRequest('the body needs an object "fields"')
  const { fields } = parsed.data
  const stranger = Object.keys(fields).find((name) => !table.fields.has(name))
  if (stranger !== undefined) return unknownField(stranger)
  const record = table.update(recordId, fields)
  return record === undefined ? notFound() : { status: 200, body: renderRecord(record) }
}

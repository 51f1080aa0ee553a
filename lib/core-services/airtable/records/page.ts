import type Airtable from 'airtable'
import { isObject } from '../../../shared/text'
import {
  airtableBadReply,
  airtableIdsInvalid,
  airtableQueryInvalid,
  MAX_IDS,
  type Target,
} from '../client/airtableErrors'
import { parseReply } from '../client/parseReply'
import type { AirtableRequest } from '../client/sendRequest'

export interface AirtableRecord {
  id: string
  createdTime: string
  /** By name, or by id if requested by id. Airtable leaves out empty texts, empty lists and unticked boxes. */
  fields: Record<string, unknown>
}

export interface Page {
  records: AirtableRecord[]
  offset: string | undefined
}

/** In the vendor's types, whose type of `offset` is out of date. */
type Parameters = Pick<
  Airtable.SelectOptions<Airtable.FieldSet>,
  'pageSize' | 'view' | 'fields' | 'returnFieldsByFieldId' | 'filterByFormula'
> & { offset?: string }

const PAGE_SIZE = 100
/** Airtable accepts URLs of 16,000 characters. */
const MAX_PATH_LENGTH = 15_000
const FIELD_ID = /^fld\w{14}$/
// Allows no character that could end the text in a formula.
const RECORD_ID = /^rec\w+$/

/** Requests the page at an offset, or the first page. A POST replaces the GET when the URL would be too long. */
export function pageRequest(target: Target, offset: string | undefined): AirtableRequest<Page> {
  const table = `/v0/${[target.baseId, target.tableId].map(encodeURIComponent).join('/')}`
  const parameters = buildParameters(target, offset)
  const path = `${table}?${toQuery(parameters)}`
  const common = { target, repeatable: true, read: (text: string) => readPage(text, target) }
  if (path.length <= MAX_PATH_LENGTH) return { ...common, method: 'GET', path }
  return { ...common, method: 'POST', path: `${table}/listRecords`, body: parameters }
}

function buildParameters(target: Target, offset: string | undefined): Parameters {
  const { view, fields } = target
  const ids = fields.filter((field) => FIELD_ID.test(field)).length
  if (ids > 0 && ids < fields.length) throw airtableQueryInvalid(target)
  return {
    pageSize: PAGE_SIZE,
    fields: [...fields],
    ...(view ? { view } : {}),
    ...(target.ids ? { filterByFormula: buildFormula(target.ids, target) } : {}),
    ...(ids > 0 ? { returnFieldsByFieldId: true } : {}),
    ...(offset ? { offset } : {}),
  }
}

function buildFormula(ids: readonly string[], target: Target): string {
  if (ids.length > MAX_IDS) throw airtableIdsInvalid(target, `there are ${ids.length} of them`)
  if (!ids.every((id) => RECORD_ID.test(id)))
    throw airtableIdsInvalid(target, 'one is not the id of a record')
  return `OR(${ids.map((id) => `RECORD_ID()='${id}'`).join()})`
}

function toQuery({ fields = [], ...others }: Parameters): URLSearchParams {
  const query = new URLSearchParams(Object.entries(others).map(([name, value]) => [name, String(value)]))
  for (const field of fields) query.append('fields[]', String(field))
  return query
}

function readPage(text: string, target: Target): Page {
  const { records, offset } = parseReply(text, target)
  if (!Array.isArray(records)) throw airtableBadReply(target, 'the answer holds no list of records')
  // Taking an unknown offset for the end would cut the list off.
  if (offset !== undefined && (typeof offset !== 'string' || offset === ''))
    throw airtableBadReply(target, 'the offset of the next page is not a text')
  return { records: records.map((record) => plainRecord(record, target)), offset }
}

function plainRecord(value: unknown, target: Target): AirtableRecord {
  const { id, createdTime, fields } = Object(value) as Partial<AirtableRecord>
  if (typeof id !== 'string' || typeof createdTime !== 'string' || !isObject(fields))
    throw airtableBadReply(target, 'one of the records is not a record')
  return { id, createdTime, fields }
}

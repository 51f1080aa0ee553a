/** One page of records: how it is asked for, and what an answer of 200 must look like. */
import type Airtable from 'airtable'
import { airtableBadReply, airtableQueryInvalid, type Target } from './airtableErrors'

/** Plain data, fit for JSON. */
export interface AirtableRecord {
  id: string
  createdTime: string
  /**
   * By name, or by id when the columns were asked for by id. Only what is not empty: Airtable leaves out empty texts,
   * empty lists and unticked boxes.
   */
  fields: Record<string, unknown>
}

export interface Page {
  records: AirtableRecord[]
  /** Where the next page begins; undefined on the last one. */
  offset: string | undefined
}

/** As the vendor's package spells them; only its type for `offset` is out of date. */
type Parameters = Pick<
  Airtable.SelectOptions<Airtable.FieldSet>,
  'pageSize' | 'view' | 'fields' | 'returnFieldsByFieldId'
> & { offset?: string }

const PAGE_SIZE = 100
/** Airtable takes 16,000 characters; its own package leaves the same margin. */
const MAX_URL_LENGTH = 15_000
const FIELD_ID = /^fld\w{14}$/

/** What to fetch for a page: a GET, or a POST when its address would become too long. */
export function pageRequest(
  endpointUrl: string,
  target: Target,
  offset: string | undefined,
): { url: string; init: RequestInit } {
  const path = [target.baseId, target.tableId].map(encodeURIComponent).join('/')
  const table = `${endpointUrl}/v0/${path}`
  const parameters = parametersOf(target, offset)
  const url = `${table}?${queryOf(parameters)}`
  if (url.length <= MAX_URL_LENGTH) return { url, init: { method: 'GET' } }
  const headers = { 'content-type': 'application/json' }
  return {
    url: `${table}/listRecords`,
    init: { method: 'POST', headers, body: JSON.stringify(parameters) },
  }
}

function parametersOf(target: Target, offset: string | undefined): Parameters {
  const { view, fields } = target
  const ids = fields.filter((field) => FIELD_ID.test(field)).length
  if (ids > 0 && ids < fields.length) throw airtableQueryInvalid(target)
  return {
    pageSize: PAGE_SIZE,
    fields: [...fields],
    ...(view ? { view } : {}),
    ...(ids > 0 ? { returnFieldsByFieldId: true } : {}),
    ...(offset ? { offset } : {}),
  }
}

function queryOf({ fields = [], ...others }: Parameters): URLSearchParams {
  const query = new URLSearchParams(Object.entries(others).map(([name, value]) => [name, String(value)]))
  for (const field of fields) query.append('fields[]', String(field))
  return query
}

/** Throws AIRTABLE_BAD_REPLY for everything that is not a page of records. */
export function readPage(text: string, target: Target): Page {
  const { records, offset } = Object(parse(text, target)) as { records?: unknown; offset?: unknown }
  if (!Array.isArray(records)) throw airtableBadReply(target, 'the answer holds no list of records')
  // Taken for the last page, a strange offset would cut the list off.
  if (offset !== undefined && (typeof offset !== 'string' || offset === ''))
    throw airtableBadReply(target, 'the offset of the next page is not a text')
  return { records: records.map((record) => plainRecord(record, target)), offset }
}

function parse(text: string, target: Target): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own words quote the answer.
    throw airtableBadReply(target, 'the answer is not JSON')
  }
}

function plainRecord(value: unknown, target: Target): AirtableRecord {
  const { id, createdTime, fields } = Object(value) as Partial<AirtableRecord>
  const isRecord = typeof id === 'string' && typeof createdTime === 'string'
  if (!isRecord || typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw airtableBadReply(target, 'one of the records is not a record')
  return { id, createdTime, fields }
}

/** Error bodies as Airtable and what stands before it have been seen to send them, with the error each stands for. */
import type { Target } from '@/lib/core-services/airtable/client/airtableErrors'

export const ASKED: Target = {
  baseId: 'appPeople',
  tableId: 'tblPeople',
  view: 'Agentes de venta',
  fields: ['Nombre', 'Altura'],
}

export interface ErrorBody {
  name: string
  status: number
  body: string
  code: string
  /** What the message names. */
  names: readonly string[]
  /** Words of the hint. */
  mend: string
  /** Seconds on the error. */
  retryAfter?: number
}

const json = JSON.stringify
const html = (title: string) =>
  `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`
const table = [ASKED.baseId, ASKED.tableId]
const view = [...table, 'Agentes de venta']

const rateLimited = {
  status: 429,
  code: 'AIRTABLE_RATE_LIMITED',
  names: view,
  mend: '5 requests a second',
  retryAfter: 30,
}
const quota = { status: 429, code: 'AIRTABLE_QUOTA_EXHAUSTED', names: ['appPeople'], mend: 'Raise the plan' }
const unavailable = {
  code: 'AIRTABLE_UNAVAILABLE',
  names: view,
  mend: 'passes by itself',
  retryAfter: 5,
}
const unauthorized = {
  status: 401,
  code: 'AIRTABLE_UNAUTHORIZED',
  names: ['AIRTABLE_API_KEY', ...table],
  mend: 'data.records:read',
}
const column = { status: 422, code: 'AIRTABLE_FIELD_UNKNOWN', mend: 'renamed' }
const refused = { status: 422, code: 'AIRTABLE_REFUSED', mend: 'fieldCacheConfigs.ts' }
const foreign = { code: 'AIRTABLE_BAD_REPLY', names: table, mend: 'proxy' }

const BILLING = 'PUBLIC_API_BILLING_LIMIT_EXCEEDED'
const BILLING_TEXT =
  "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month."

export const ERROR_BODIES: readonly ErrorBody[] = [
  {
    name: 'a token that is missing or wrong',
    body: json({ error: { type: 'AUTHENTICATION_REQUIRED', message: 'Authentication required' } }),
    ...unauthorized,
  },
  {
    name: 'a token that is refused with another word',
    body: json({ error: { type: 'UNAUTHORIZED', message: 'Unauthorized' } }),
    ...unauthorized,
  },
  { name: 'a 401 without a body', body: '', ...unauthorized },
  {
    name: 'a base that the token may not read, or that does not exist',
    status: 403,
    body: json({
      error: {
        type: 'INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND',
        message: 'Invalid permissions, or the requested model was not found.',
      },
    }),
    code: 'AIRTABLE_FORBIDDEN',
    names: [...view, 'or there is no such base or table'],
    mend: 'check the ids',
  },
  {
    name: 'a missing permission',
    status: 403,
    body: json({ error: { type: 'INVALID_PERMISSIONS', message: 'You are not permitted' } }),
    code: 'AIRTABLE_FORBIDDEN',
    names: view,
    mend: 'Add the base to the token',
  },
  { name: 'a 403 of a firewall', status: 403, body: html('403 Forbidden'), ...foreign },
  {
    name: 'an address that does not exist, with a bare word',
    status: 404,
    body: json({ error: 'NOT_FOUND' }),
    code: 'AIRTABLE_NOT_FOUND',
    names: view,
    mend: 'Check the ids',
  },
  {
    name: 'a table that does not exist',
    status: 404,
    body: json({ error: { type: 'TABLE_NOT_FOUND', message: 'Could not find table tblPeople' } }),
    code: 'AIRTABLE_TABLE_UNKNOWN',
    names: table,
    mend: 'tbl…',
  },
  { name: 'a 404 of another server', status: 404, body: html('Not Found'), ...foreign },
  {
    name: 'a request that is too large',
    ...refused,
    status: 413,
    body: json({ error: { type: 'REQUEST_TOO_LARGE', message: 'Request body is too large' } }),
    names: [...view, 'HTTP 413', 'REQUEST_TOO_LARGE'],
  },
  {
    name: 'a request that is no JSON',
    ...refused,
    status: 400,
    body: json({ error: { type: 'INVALID_REQUEST_UNKNOWN', message: 'Could not parse request body' } }),
    names: [...view, 'HTTP 400', 'Could not parse request body'],
  },
  {
    name: 'a renamed view',
    status: 422,
    body: json({ error: { type: 'VIEW_NAME_NOT_FOUND', message: 'View Agentes de venta not found' } }),
    code: 'AIRTABLE_VIEW_UNKNOWN',
    names: view,
    mend: 'viw…',
  },
  {
    name: 'a deleted view, without a message',
    status: 422,
    body: json({ error: { type: 'VIEW_ID_NOT_FOUND' } }),
    code: 'AIRTABLE_VIEW_UNKNOWN',
    names: view,
    mend: 'renamed or deleted',
  },
  {
    name: 'an unknown column that it names',
    ...column,
    body: json({ error: { type: 'UNKNOWN_FIELD_NAME', message: 'Unknown field name: "Altura"' } }),
    names: [...table, 'no column "Altura"'],
  },
  {
    name: 'an unknown column that it does not name',
    ...column,
    body: json({ error: { type: 'UNKNOWN_FIELD_NAME' } }),
    names: [...table, 'not all of the columns "Nombre", "Altura"'],
  },
  {
    name: 'a formula that it does not understand',
    ...refused,
    body: json({
      error: {
        type: 'INVALID_FILTER_BY_FORMULA',
        message: 'The formula for filtering records is invalid',
      },
    }),
    names: [...view, 'INVALID_FILTER_BY_FORMULA', 'The formula for filtering records is invalid'],
  },
  {
    name: 'a table that is being rebuilt',
    ...refused,
    body: json({ error: { type: 'FAILED_STATE_CHECK' } }),
    names: [...view, 'FAILED_STATE_CHECK'],
  },
  {
    name: 'an offset that never was',
    ...refused,
    body: json({ error: { type: 'INVALID_OFFSET_VALUE', message: 'The value of offset is invalid' } }),
    names: [...view, 'INVALID_OFFSET_VALUE'],
    mend: 'proxy that caches single pages',
  },
  {
    name: 'a list that was forgotten, without a message',
    status: 422,
    body: json({ error: { type: 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE' } }),
    code: 'AIRTABLE_ITERATOR_LOST',
    names: view,
    mend: 'passes by itself',
    retryAfter: 5,
  },
  {
    name: 'the rate limit, in a list of errors',
    body: json({
      errors: [{ error: 'RATE_LIMIT_REACHED', message: 'Rate limit exceeded. Please try again later' }],
    }),
    ...rateLimited,
  },
  {
    name: 'the rate limit, in one error',
    body: json({ error: { type: 'RATE_LIMIT_REACHED' } }),
    ...rateLimited,
  },
  { name: 'the rate limit, in a bare word', body: json({ error: 'TOO_MANY_REQUESTS' }), ...rateLimited },
  { name: 'the rate limit, in HTML', body: html('429 Too Many Requests'), ...rateLimited },
  { name: 'the rate limit, without a body', body: '', ...rateLimited },
  {
    name: 'the monthly quota, in a list of errors',
    body: json({ errors: [{ error: BILLING, message: BILLING_TEXT }] }),
    ...quota,
  },
  {
    name: 'the monthly quota, in one error',
    body: json({ error: { type: BILLING, message: BILLING_TEXT } }),
    ...quota,
  },
  { name: 'the monthly quota, in a bare word', body: json({ error: BILLING }), ...quota },
  {
    name: 'the monthly quota, under another word',
    body: json({ errors: [{ error: 'TOO_MANY_REQUESTS', message: BILLING_TEXT }] }),
    ...quota,
  },
  { name: 'the monthly quota, under another status', body: json({ error: BILLING }), ...quota, status: 403 },
  {
    name: 'a failure of its own',
    status: 500,
    body: json({
      error: { type: 'SERVER_ERROR', message: 'The server encountered an unexpected condition' },
    }),
    ...unavailable,
  },
  { name: 'a restart, in HTML', status: 502, body: html('502 Bad Gateway'), ...unavailable },
  { name: 'an overload', status: 503, body: json({ error: 'SERVICE_UNAVAILABLE' }), ...unavailable },
  { name: 'a gateway that waited in vain', status: 504, body: '', ...unavailable },
  { name: 'a redirect to a login page', status: 302, body: html('Found'), ...foreign },
  { name: 'a 400 of a body that is JSON and no object', status: 400, body: 'null', ...foreign },
]

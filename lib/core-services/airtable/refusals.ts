/** Which error an answer other than 200 is: by the type that Airtable writes into its body, else by the status. */
import type { CodedError } from '../cache/engine/errors'
import {
  airtableBadReply,
  airtableFieldUnknown,
  airtableForbidden,
  airtableForbiddenOrMissing,
  airtableIteratorLost,
  airtableNotFound,
  airtableOffsetInvalid,
  airtableQuotaExhausted,
  airtableRateLimited,
  airtableRefused,
  airtableTableUnknown,
  airtableUnauthorized,
  airtableUnavailable,
  airtableViewUnknown,
  type Target,
} from './airtableErrors'

/** An answer, read as far as it is wanted. */
export interface Reply {
  status: number
  /** What the header Retry-After says, in seconds. */
  retryAfter: number | undefined
  text: string
}

interface Refusal extends Omit<Reply, 'text'> {
  target: Target
  /** Such as VIEW_NAME_NOT_FOUND; empty when the body is not one of Airtable's. */
  type: string
  message: string
}

type ErrorOf = (refusal: Refusal) => CodedError

const rateLimited: ErrorOf = ({ target, retryAfter }) => airtableRateLimited(target, retryAfter)
const unauthorized: ErrorOf = ({ target }) => airtableUnauthorized(target)
const viewUnknown: ErrorOf = ({ target }) => airtableViewUnknown(target)
const tableUnknown: ErrorOf = ({ target }) => airtableTableUnknown(target)
const quotaExhausted: ErrorOf = ({ target }) => airtableQuotaExhausted(target)

const BY_TYPE: ReadonlyMap<string, ErrorOf> = new Map<string, ErrorOf>([
  ['AUTHENTICATION_REQUIRED', unauthorized],
  ['UNAUTHORIZED', unauthorized],
  ['INVALID_PERMISSIONS', ({ target }) => airtableForbidden(target)],
  ['INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND', ({ target }) => airtableForbiddenOrMissing(target)],
  ['NOT_FOUND', ({ target }) => airtableNotFound(target)],
  ['TABLE_NOT_FOUND', tableUnknown],
  ['MODEL_ID_NOT_FOUND', tableUnknown],
  ['VIEW_NAME_NOT_FOUND', viewUnknown],
  ['VIEW_ID_NOT_FOUND', viewUnknown],
  ['UNKNOWN_FIELD_NAME', ({ target, message }) => airtableFieldUnknown(target, /"(.+)"/.exec(message)?.[1])],
  ['INVALID_OFFSET_VALUE', ({ target }) => airtableOffsetInvalid(target)],
  ['LIST_RECORDS_ITERATOR_NOT_AVAILABLE', ({ target }) => airtableIteratorLost(target)],
  ['RATE_LIMIT_REACHED', rateLimited],
  ['PUBLIC_API_BILLING_LIMIT_EXCEEDED', quotaExhausted],
])

export function refusalError({ text, ...reply }: Reply, target: Target): CodedError {
  const refusal = { ...reply, ...readErrorBody(text), target }
  // How Airtable writes this one is not documented: a word of it is enough, as waiting 30 s would never help.
  if (reply.status === 429 && /billing|month/i.test(`${refusal.type} ${refusal.message}`))
    return quotaExhausted(refusal)
  return (BY_TYPE.get(refusal.type) ?? byStatus)(refusal)
}

function byStatus(refusal: Refusal): CodedError {
  const { status, type, message, retryAfter, target } = refusal
  const detail = [`HTTP ${status}`, type, message].filter(Boolean).join(', ')
  if (status === 401) return unauthorized(refusal)
  if (status === 429) return rateLimited(refusal)
  if (status >= 500) return airtableUnavailable(target, detail, retryAfter)
  if (type === '') return airtableBadReply(target, `HTTP ${status} without one of Airtable's error bodies`)
  if (status === 403) return airtableForbidden(target)
  if (status === 404) return airtableNotFound(target)
  return airtableRefused(target, detail)
}

/**
 * Airtable writes errors as `{error: {type, message}}`, `{error: 'TYPE'}` and `{errors: [{error: 'TYPE', message}]}`;
 * what stands in between writes HTML.
 */
function readErrorBody(text: string): Pick<Refusal, 'type' | 'message'> {
  const body = Object(parseJson(text)) as Record<string, unknown>
  const told = Array.isArray(body.errors) ? body.errors[0] : body.error
  const { type, error, message } = typeof told === 'string' ? { ...body, type: told } : Object(told)
  const name = type ?? error
  return {
    type: typeof name === 'string' && /^[A-Z][A-Z0-9_]{2,79}$/.test(name) ? name : '',
    message: typeof message === 'string' ? message.replace(/\s+/g, ' ').slice(0, 200) : '',
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Which error an answer other than 200 is: by the type that Airtable writes into its body, else by the status. */

import type { CodedError } from '../../../shared/errors'
import { truncateText } from '../../../shared/text'
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
  type HookTarget,
  type RequestTarget,
  type Target,
} from './airtableErrors'
import {
  webhookForbidden,
  webhookRefused,
  webhooksFull,
  webhookUnauthorized,
  webhookUnknown,
} from './webhookErrors'

/** An answer, read as far as it is wanted. */
export interface Reply {
  status: number
  /** What the header Retry-After says, in seconds. */
  retryAfter: number | undefined
  text: string
}

interface ErrorResponse<S extends RequestTarget> extends Omit<Reply, 'text'> {
  subject: S
  /** Such as VIEW_NAME_NOT_FOUND; empty when the body is not one of Airtable's. */
  type: string
  message: string
}

type MakeError<S extends RequestTarget> = (refusal: ErrorResponse<S>) => CodedError
interface ErrorTable<S extends RequestTarget> {
  byType: Readonly<Record<string, MakeError<S>>>
  /** For bodies of Airtable's with another type. */
  byStatus: Readonly<Record<number, MakeError<S>>>
  /** For all the rest; `detail` is what Airtable says. */
  other: (subject: S, detail: string) => CodedError
}

const rateLimited: MakeError<RequestTarget> = ({ subject, retryAfter }) =>
  airtableRateLimited(subject, retryAfter)
const quotaExhausted: MakeError<RequestTarget> = ({ subject }) => airtableQuotaExhausted(subject)
const COMMON: ErrorTable<RequestTarget>['byType'] = {
  RATE_LIMIT_REACHED: rateLimited,
  PUBLIC_API_BILLING_LIMIT_EXCEEDED: quotaExhausted,
}

const on =
  <S extends RequestTarget>(make: (subject: S) => CodedError): MakeError<S> =>
  ({ subject }) =>
    make(subject)

const RECORD_ERRORS: ErrorTable<Target> = {
  byType: {
    ...COMMON,
    AUTHENTICATION_REQUIRED: on(airtableUnauthorized),
    UNAUTHORIZED: on(airtableUnauthorized),
    INVALID_PERMISSIONS: on(airtableForbidden),
    INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND: on(airtableForbiddenOrMissing),
    NOT_FOUND: on(airtableNotFound),
    TABLE_NOT_FOUND: on(airtableTableUnknown),
    MODEL_ID_NOT_FOUND: on(airtableTableUnknown),
    VIEW_NAME_NOT_FOUND: on(airtableViewUnknown),
    VIEW_ID_NOT_FOUND: on(airtableViewUnknown),
    UNKNOWN_FIELD_NAME: ({ subject, message }) => airtableFieldUnknown(subject, /"(.+)"/.exec(message)?.[1]),
    INVALID_OFFSET_VALUE: on(airtableOffsetInvalid),
    LIST_RECORDS_ITERATOR_NOT_AVAILABLE: on(airtableIteratorLost),
  },
  byStatus: { 401: on(airtableUnauthorized), 403: on(airtableForbidden), 404: on(airtableNotFound) },
  other: airtableRefused,
}

const WEBHOOK_ERRORS: ErrorTable<HookTarget> = {
  byType: { ...COMMON, TOO_MANY_WEBHOOKS_IN_BASE: on(webhooksFull) },
  byStatus: { 401: on(webhookUnauthorized), 403: on(webhookForbidden), 404: on(webhookUnknown) },
  other: webhookRefused,
}

export function errorFromResponse(reply: Reply, subject: RequestTarget): CodedError {
  return 'tableId' in subject
    ? findError(RECORD_ERRORS, reply, subject)
    : findError(WEBHOOK_ERRORS, reply, subject)
}

function findError<S extends RequestTarget>(
  errors: ErrorTable<S>,
  { text, ...reply }: Reply,
  subject: S,
): CodedError {
  const refusal: ErrorResponse<S> = { ...reply, ...readErrorBody(text), subject }
  const { status, type, message, retryAfter } = refusal
  // How Airtable writes this one is not documented: a word of it is enough, as waiting 30 s would never help.
  if (status === 429 && /billing|month/i.test(`${type} ${message}`)) return quotaExhausted(refusal)
  const named = Object.hasOwn(errors.byType, type) ? errors.byType[type] : undefined
  if (named) return named(refusal)
  const detail = [`HTTP ${status}`, type, message].filter(Boolean).join(', ')
  if (status === 429) return rateLimited(refusal)
  if (status >= 500) return airtableUnavailable(subject, detail, retryAfter)
  if (type === '' && status !== 401)
    return airtableBadReply(subject, `HTTP ${status} without one of Airtable's error bodies`)
  return errors.byStatus[status]?.(refusal) ?? errors.other(subject, detail)
}

/**
 * Airtable writes errors as `{error: {type, message}}`, `{error: 'TYPE'}` and `{errors: [{error: 'TYPE', message}]}`;
 * what stands in between writes HTML.
 */
function readErrorBody(text: string): Pick<ErrorResponse<RequestTarget>, 'type' | 'message'> {
  const body = Object(parseJson(text)) as Record<string, unknown>
  const told = Array.isArray(body.errors) ? body.errors[0] : body.error
  const { type, error, message } = typeof told === 'string' ? { ...body, type: told } : Object(told)
  const name = type ?? error
  return {
    type: typeof name === 'string' && /^[A-Z][A-Z0-9_]{2,79}$/.test(name) ? name : '',
    message: typeof message === 'string' ? truncateText(message.replace(/\s+/g, ' '), 200) : '',
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

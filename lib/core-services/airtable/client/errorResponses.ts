/** Maps an error answer to an error: by the type in its body, else by its status. */

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

export interface Reply {
  status: number
  /** The header Retry-After, in s. */
  retryAfter: number | undefined
  text: string
}

interface ErrorResponse<S extends RequestTarget> extends Omit<Reply, 'text'> {
  target: S
  /** Such as VIEW_NAME_NOT_FOUND; empty when the body is not an error of Airtable. */
  type: string
  message: string
}

type MakeError<S extends RequestTarget> = (response: ErrorResponse<S>) => CodedError
interface ErrorTable<S extends RequestTarget> {
  byType: Readonly<Record<string, MakeError<S>>>
  byStatus: Readonly<Record<number, MakeError<S>>>
  /** `detail`: what Airtable says. */
  other: (target: S, detail: string) => CodedError
}

const rateLimited: MakeError<RequestTarget> = ({ target, retryAfter }) =>
  airtableRateLimited(target, retryAfter)
const quotaExhausted: MakeError<RequestTarget> = ({ target }) => airtableQuotaExhausted(target)
const COMMON: ErrorTable<RequestTarget>['byType'] = {
  RATE_LIMIT_REACHED: rateLimited,
  PUBLIC_API_BILLING_LIMIT_EXCEEDED: quotaExhausted,
}

const on =
  <S extends RequestTarget>(make: (target: S) => CodedError): MakeError<S> =>
  ({ target }) =>
    make(target)

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
    UNKNOWN_FIELD_NAME: ({ target, message }) => airtableFieldUnknown(target, /"(.+)"/.exec(message)?.[1]),
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

export function errorFromResponse(reply: Reply, target: RequestTarget): CodedError {
  return 'tableId' in target
    ? findError(RECORD_ERRORS, reply, target)
    : findError(WEBHOOK_ERRORS, reply, target)
}

function findError<S extends RequestTarget>(
  errors: ErrorTable<S>,
  { text, ...reply }: Reply,
  target: S,
): CodedError {
  const response: ErrorResponse<S> = { ...reply, ...readErrorBody(text), target }
  const { status, type, message, retryAfter } = response
  // Airtable does not document the text of a spent quota, so one word is enough. Waiting 30 s would never help.
  if (status === 429 && /billing|month/i.test(`${type} ${message}`)) return quotaExhausted(response)
  const named = Object.hasOwn(errors.byType, type) ? errors.byType[type] : undefined
  if (named) return named(response)
  const detail = [`HTTP ${status}`, type, message].filter(Boolean).join(', ')
  if (status === 429) return rateLimited(response)
  if (status >= 500) return airtableUnavailable(target, detail, retryAfter)
  if (type === '' && status !== 401)
    return airtableBadReply(target, `HTTP ${status} without one of Airtable's error bodies`)
  return errors.byStatus[status]?.(response) ?? errors.other(target, detail)
}

/**
 * Reads `{error: {type, message}}`, `{error: 'TYPE'}` and `{errors: [{error: 'TYPE', message}]}`. Proxies answer HTML.
 */
function readErrorBody(text: string): Pick<ErrorResponse<RequestTarget>, 'type' | 'message'> {
  const body = Object(parseJson(text)) as Record<string, unknown>
  const found = Array.isArray(body.errors) ? body.errors[0] : body.error
  const { type, error, message } = typeof found === 'string' ? { ...body, type: found } : Object(found)
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

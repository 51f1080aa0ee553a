/** Turns errors into answers of the type `application/problem+json` (RFC 9457). */
import { withBasePath } from '../config/basePath'
import { isRedisFailure } from '../core-services/cache/errors'
import { type CodedError, codedError, getErrorMessage, isCodedError } from '../shared/errors'
import { processPorts } from '../shared/ports'
import { NO_STORE } from './headers'

interface Problem {
  status: number
  title: string
  challenge?: string
}

const PROBLEMS: Record<string, Problem> = {
  QUERY_INVALID: { status: 400, title: 'The query is not valid' },
  UNAUTHORIZED: { status: 401, title: 'A valid bearer token is needed', challenge: 'Bearer' },
  BODY_INVALID: { status: 400, title: 'The body is not valid' },
  PING_UNVERIFIED: { status: 401, title: 'A valid MAC is needed', challenge: 'X-Airtable-Content-MAC' },
  FOREIGN_ORIGIN: { status: 403, title: 'Only pages of this site may call this' },
  METHOD_UNKNOWN: { status: 405, title: 'The method is not allowed here' },
  WRITE_CONTENDED: { status: 409, title: 'Other writers kept changing the key' },
  FORCE_CONTENDED: { status: 409, title: 'Other writers kept changing the field' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  FIELD_UNKNOWN: { status: 404, title: 'There is no such field' },
  ROUTE_UNKNOWN: { status: 404, title: 'There is no such route' },
  SOURCE_FAILED: { status: 502, title: 'The source failed' },
  SOURCE_INVALID: { status: 502, title: 'The source answered in an unexpected shape' },
  SOURCE_UNFINISHED: { status: 503, title: 'The source is still being read' },
  SOURCE_TIMEOUT: { status: 504, title: 'The source did not answer in time' },
  NOT_READY: { status: 503, title: 'The cache is not ready' },
  INTERNAL: { status: 500, title: 'Something unexpected failed' },
}

export const unauthorized = (name: string): CodedError =>
  codedError(
    'UNAUTHORIZED',
    `This needs "Authorization: Bearer $${name}"; it stays closed while ${name} is not set`,
  )

export const foreignOrigin = (): CodedError => codedError('FOREIGN_ORIGIN', 'The call came from another site')

export const originUnknown = (reason: string): CodedError => codedError('FOREIGN_ORIGIN', reason)

export const fieldUnknown = (): CodedError =>
  codedError('FIELD_UNKNOWN', 'There is no such field, or it may not be read without the admin token')

export const routeUnknown = (): CodedError =>
  codedError('ROUTE_UNKNOWN', `Nothing is served at this path; the app is served at ${withBasePath('/')}`)

/** The same error for every flaw of a ping, so that forged pings show nothing about webhooks. */
export const pingUnverified = (): CodedError =>
  codedError(
    'PING_UNVERIFIED',
    'The ping is not signed by a webhook whose secret is in AIRTABLE_WEBHOOK_SECRETS',
  )

export const methodUnknown = (allowed: string): CodedError =>
  codedError('METHOD_UNKNOWN', `Allowed methods: ${allowed}`)

export const bodyInvalid = (): CodedError =>
  codedError('BODY_INVALID', 'The body cannot be read, takes too long to arrive, or has the wrong shape')

export const bodyTooLarge = (maxBytes: number): CodedError =>
  codedError('BODY_TOO_LARGE', `The body may have at most ${maxBytes} bytes`)

/** `retryAfter`: in s. */
export const rateLimited = (what: string, retryAfter: number): CodedError =>
  codedError('RATE_LIMITED', `Too many ${what} in a short time`, { retryAfter })

export const queryInvalid = (reason: string): CodedError => codedError('QUERY_INVALID', reason)

export interface ProblemContext {
  label: string
  /** Whether the caller may see the message of a server error. Others get the title of the problem instead. */
  trusted: boolean
  /**
   * Adds the member `message`.
   * @default false
   */
  withMessage?: boolean
}

/** Emits `request.failed` for a 5xx. Rethrows control-flow errors of the framework. */
export function problemResponse(request: Request, error: unknown, context: ProblemContext): Response {
  const ports = processPorts()
  if (ports.isControlFlow(error)) throw error
  const { code, status, title, challenge } = describe(error)
  const detail = context.trusted || status < 500 ? getErrorMessage(error) : title
  if (status >= 500) {
    ports.emit({
      type: 'request.failed',
      path: new URL(request.url).pathname,
      code,
      message: getErrorMessage(error),
    })
  }
  const body = {
    type: `urn:problem:field-cache:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    code,
    detail,
    ...(context.trusted && isCodedError(error) && error.hint ? { hint: error.hint } : {}),
    error: context.label,
    ...(context.withMessage ? { message: detail } : {}),
  }
  const headers = new Headers({ 'Content-Type': 'application/problem+json', ...NO_STORE })
  if (challenge !== undefined) headers.set('WWW-Authenticate', challenge)
  if (isCodedError(error) && error.retryAfter !== undefined)
    headers.set('Retry-After', String(error.retryAfter))
  return new Response(JSON.stringify(body), { status, headers })
}

function describe(error: unknown): Problem & { code: string } {
  if (!isCodedError(error)) return { code: 'INTERNAL', ...(PROBLEMS.INTERNAL as Problem) }
  const { code } = error
  const known = PROBLEMS[code]
  if (known) return { code, ...known }
  const fallback = isRedisFailure(error) || code.startsWith('SERVICE_') ? 'NOT_READY' : 'INTERNAL'
  return { code, ...(PROBLEMS[fallback] as Problem) }
}

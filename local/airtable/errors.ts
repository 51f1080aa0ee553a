import type { Answer } from './types'

/**
 * The vendor answers errors in three shapes: `{error: {type, message}}`, `{error: 'NOT_FOUND'}` and
 * `{errors: [{error, message}]}`. Clients trip over the difference, so it is kept.
 */
const typed = (status: number, type: string, message?: string): Answer => ({
  status,
  body: { error: message === undefined ? { type } : { type, message } },
})

export const notFound = (): Answer => ({ status: 404, body: { error: 'NOT_FOUND' } })

export const unauthenticated = (): Answer => typed(401, 'AUTHENTICATION_REQUIRED', 'Authentication required')

export const modelNotFound = (): Answer =>
  typed(
    403,
    'INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND',
    'Invalid permissions, or the requested model was not found. Check that both your user and your token have ' +
      'the required permissions, and that the model names and/or ids are correct.',
  )

export const malformedBody = (): Answer =>
  typed(400, 'INVALID_REQUEST_UNKNOWN', 'Could not parse request body')

export const bodyTooLarge = (): Answer => typed(413, 'REQUEST_TOO_LARGE', 'Request body is too large')

/** `detail` says what this server found wrong; the vendor's own text stops before it. */
export const invalidRequest = (detail: string): Answer =>
  typed(
    422,
    'INVALID_REQUEST_UNKNOWN',
    `Invalid request: parameter validation failed. Check your request data. (${detail})`,
  )

export const unknownField = (name: string): Answer =>
  typed(422, 'UNKNOWN_FIELD_NAME', `Unknown field name: "${name}"`)

export const viewNotFound = (nameOrId: string): Answer =>
  /^viw[A-Za-z0-9]{14}$/.test(nameOrId)
    ? typed(422, 'VIEW_ID_NOT_FOUND', `View ${nameOrId} not found`)
    : typed(422, 'VIEW_NAME_NOT_FOUND', `View ${nameOrId} not found`)

export const invalidOffset = (): Answer =>
  typed(422, 'INVALID_OFFSET_VALUE', 'The value of offset is invalid')

export const iteratorNotAvailable = (): Answer => typed(422, 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE')

export const rateLimited = (): Answer => ({
  status: 429,
  body: {
    errors: [{ error: 'RATE_LIMIT_REACHED', message: 'Rate limit exceeded. Please try again later' }],
  },
})

export const serverError = (): Answer => typed(500, 'SERVER_ERROR', 'The local server failed; see its output')

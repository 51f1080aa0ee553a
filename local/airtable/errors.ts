/** `body`: sent as HTML when it is a text. */
export type Answer = { readonly status: number; readonly body: unknown }

// The vendor's errors have three shapes: these two and `{error: 'NOT_FOUND'}`.
const typed = (status: number, type: string, message?: string): Answer => ({
  status,
  body: { error: message === undefined ? { type } : { type, message } },
})
const tooMany = (error: string, message: string) => ({ status: 429, body: { errors: [{ error, message }] } })

export const notFound: Answer = { status: 404, body: { error: 'NOT_FOUND' } }
export const unauthenticated = typed(401, 'AUTHENTICATION_REQUIRED', 'Authentication required')
export const rateLimited = tooMany('RATE_LIMIT_REACHED', 'Rate limit exceeded. Please try again later')
export const iteratorGone = typed(422, 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE')

export const FAULT_ANSWERS = {
  unauthorized: unauthenticated,
  'rate-limit': rateLimited,
  error: typed(500, 'SERVER_ERROR', 'The server encountered an unexpected condition'),
  'bad-gateway': { status: 502, body: '<html><body><h1>502 Bad Gateway</h1></body></html>' },
  garbage: { status: 200, body: '<html><body>This is not JSON.</body></html>' },
  'wrong-shape': { status: 200, body: { rows: [] } },
  billing: tooMany(
    'PUBLIC_API_BILLING_LIMIT_EXCEEDED',
    "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month.",
  ),
  'iterator-gone': iteratorGone,
  forbidden: typed(403, 'INVALID_PERMISSIONS', 'You are not permitted to perform this operation'),
}
export type AirtableFault = 'billing' | 'iterator-gone' | 'forbidden'

/** Ends the current request with this answer. */
export function refuse(answer: Answer): never {
  throw Object.assign(new Error('refused'), { answer })
}

export const fail = (status: number, type: string, message: string): never =>
  refuse(typed(status, type, message))

/** Any error other than a refusal is a bug of this server, and a 500. */
export function answer(run: () => unknown): Answer {
  try {
    return { status: 200, body: run() }
  } catch (error) {
    if (error instanceof Error && 'answer' in error) return error.answer as Answer
    console.error('local Airtable server:', error)
    return FAULT_ANSWERS.error
  }
}

import { resolveRequestId, runInRequest } from '../observability/requestContext'

/** Puts the id of the request on the events of a route handler, and into `X-Request-Id` of its answer. */
export function withRequestId<Rest extends unknown[]>(
  answer: (request: Request, ...rest: Rest) => Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const id = resolveRequestId((name) => request.headers.get(name))
    const { body, status, statusText, headers } = await runInRequest(id, () => answer(request, ...rest))
    const named = new Headers(headers)
    named.set('X-Request-Id', id)
    return new Response(body, { status, statusText, headers: named })
  }
}

import { inRequest, requestIdOf } from '../observability/requestContext'

/** A route handler whose events carry the id of its request, which stands in `X-Request-Id` of the answer. */
export function identified<Rest extends unknown[]>(
  answer: (request: Request, ...rest: Rest) => Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const id = requestIdOf((name) => request.headers.get(name))
    const { body, status, statusText, headers } = await inRequest(id, () => answer(request, ...rest))
    const named = new Headers(headers)
    named.set('X-Request-Id', id)
    return new Response(body, { status, statusText, headers: named })
  }
}

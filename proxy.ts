import { type NextRequest, NextResponse } from 'next/server'
import { withOriginHost } from './lib/http/auth/origin'
import { guardPageRequest } from './lib/http/guards/actionGuard'
import { createNonce, pagePolicy } from './lib/http/guards/contentSecurity'
import { resolveRequestId, runInRequest } from './lib/observability/requestContext'

/**
 * Refuses requests that no page takes. Gives each other request an id, which its events carry, and a content security
 * policy with a new nonce, which Next reads from the request headers and puts on its scripts.
 */
export async function proxy(request: NextRequest): Promise<Response> {
  const id = resolveRequestId((name) => request.headers.get(name))
  const refused = await runInRequest(id, () => guardPageRequest(request))
  if (refused) {
    refused.headers.set('x-request-id', id)
    return refused
  }
  const policy = pagePolicy(createNonce(), process.env.NODE_ENV === 'development')
  const headers = withOriginHost(request.headers)
  headers.set('content-security-policy', policy)
  headers.set('x-request-id', id)
  const response = NextResponse.next({ request: { headers } })
  response.headers.set('content-security-policy', policy)
  response.headers.set('x-request-id', id)
  return response
}

/**
 * Matches every path that can end at a page, because Next accepts calls of Server Actions at each page, its 404 page
 * included. Left out are routes (everything below /api, by its catch-all) and files of the build.
 */
export const config = { matcher: ['/', '/((?!api(?:/|$)|_next/static/|health$).*)'] }

import { type NextRequest, NextResponse } from 'next/server'
import { withOriginHost } from './lib/http/auth/origin'
import { guardPageRequest } from './lib/http/guards/actionGuard'
import { createNonce, pagePolicy } from './lib/http/guards/contentSecurity'
import { inRequest, requestIdOf } from './lib/observability/requestContext'

/**
 * Refuses what no page takes, and gives each page a policy with a nonce of its own, which Next reads from the request and
 * marks its scripts with, and the id that its events carry.
 */
export async function proxy(request: NextRequest): Promise<Response> {
  const id = requestIdOf((name) => request.headers.get(name))
  const refused = await inRequest(id, () => guardPageRequest(request))
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
 * Whatever can end at a page, for Next takes calls of Server Actions at each, the one for what it does not find included.
 * Left out is only what cannot: routes (below /api all of it is one, by its catch-all), and files of the build.
 */
export const config = { matcher: ['/', '/((?!api(?:/|$)|_next/static/|health$).*)'] }

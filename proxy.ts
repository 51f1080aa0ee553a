import { type NextRequest, NextResponse } from 'next/server'
import { createNonce, pagePolicy } from './lib/http/contentSecurity'
import { refusedByPages } from './lib/http/pageDoor'
import { requestIdOf } from './lib/requestScope'

/**
 * Refuses what no page takes, and gives each page a policy with a nonce of its own, which Next reads from the request and
 * marks its scripts with, and the id that its events carry.
 */
export async function proxy(request: NextRequest): Promise<Response> {
  const refused = await refusedByPages(request)
  if (refused) return refused
  const policy = pagePolicy(createNonce(), process.env.NODE_ENV === 'development')
  const headers = new Headers(request.headers)
  headers.set('content-security-policy', policy)
  const id = requestIdOf((name) => request.headers.get(name))
  headers.set('x-request-id', id)
  const response = NextResponse.next({ request: { headers } })
  response.headers.set('content-security-policy', policy)
  response.headers.set('x-request-id', id)
  return response
}

/** Pages alone: neither what the API answers nor files. */
export const config = { matcher: ['/((?!api/|_next/static|_next/image|health$|icon.svg).*)'] }

import { type NextRequest, NextResponse } from 'next/server'
import { createNonce, pagePolicy } from './lib/http/contentSecurity'

/** Gives each page a policy with a nonce of its own. Next reads it from the request and marks its scripts with it. */
export function proxy(request: NextRequest): NextResponse {
  const policy = pagePolicy(createNonce(), process.env.NODE_ENV === 'development')
  const headers = new Headers(request.headers)
  headers.set('content-security-policy', policy)
  const response = NextResponse.next({ request: { headers } })
  response.headers.set('content-security-policy', policy)
  return response
}

/** Pages alone: neither what the API answers nor files. */
export const config = { matcher: ['/((?!api/|_next/static|_next/image|health$|icon.svg).*)'] }

import { createHash } from 'node:crypto'

/** For forced reads, errors and status. */
export const NO_STORE = {
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  Expires: '0',
} as const

/** For reads of public fields. Caches revalidate each time, because a copy in a CDN would outlive a refresh. */
export const REVALIDATE = { 'Cache-Control': 'public, max-age=0, must-revalidate' } as const

/** For reads of fields that need the token. */
export const PRIVATE_NO_STORE = { 'Cache-Control': 'private, no-store' } as const

/** A strong validator: equal only for equal bytes. */
export function computeEtag(body: string): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
}

/** RFC 9110 §13.1.2: the comparison is weak. The header holds a list or `*`. */
export function matchesEtag(request: Request, etag: string): boolean {
  const wanted = request.headers.get('if-none-match')
  if (wanted === null) return false
  return wanted.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

import { createHash } from 'node:crypto'

/** For answers that nobody may keep: forced ones, errors, state. */
export const NO_STORE = {
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  Expires: '0',
} as const

/** For plain reads of public fields: keep it, but ask each time. A CDN copy would outlive a refresh. */
export const REVALIDATE = { 'Cache-Control': 'public, max-age=0, must-revalidate' } as const

export const PRIVATE_NO_STORE = { 'Cache-Control': 'private, no-store' } as const

/** A strong validator: equal only for equal bytes. */
export function computeEtag(body: string): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
}

/** RFC 9110 §13.1.2: the comparison is weak, and a list or `*` may be given. */
export function matchesEtag(request: Request, etag: string): boolean {
  const wanted = request.headers.get('if-none-match')
  if (wanted === null) return false
  return wanted.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

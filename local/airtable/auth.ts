import { timingSafeEqual } from 'node:crypto'

/** True for `Bearer <apiKey>` exactly; the vendor no longer takes a key in the query string. */
export function isAuthorized(authorization: string | undefined, apiKey: string): boolean {
  const [scheme, token] = (authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined) return false
  const given = Buffer.from(token)
  const expected = Buffer.from(apiKey)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

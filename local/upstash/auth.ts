import { createHash, timingSafeEqual } from 'node:crypto'
import type { RestRequest } from './types'

const BEARER = /^bearer +(\S+) *$/i

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** True for `Authorization: Bearer <token>`, or for `?_token=<token>` when there is no such header. */
export function isAuthorized({ headers, query }: RestRequest, token: string): boolean {
  const { authorization } = headers
  const given = authorization ? BEARER.exec(authorization)?.[1] : query.get('_token')
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(token))
}

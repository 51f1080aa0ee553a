import { createHash, timingSafeEqual } from 'node:crypto'
import { type SecretName, secret } from '../config/appConfig'

/** Whether the request carries the secret as a bearer token. Compared in constant time; an unset secret opens nothing. */
export function holdsSecret(request: Request, name: SecretName): boolean {
  const expected = secret(name)
  const given = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (expected === undefined || given === undefined) return false
  return timingSafeEqual(digest(given), digest(expected))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

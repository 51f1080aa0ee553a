import { createHash, timingSafeEqual } from 'node:crypto'
import { type SecretName, secret } from '../../config/appConfig'

/** Whether the request carries the secret as a bearer token. Compared in constant time; an unset secret opens nothing. */
export function holdsSecret(request: Request, name: SecretName): boolean {
  return isSecret(/^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1], name)
}

/** Whether the text is the secret of that name; an unset secret is nobody's. */
export function isSecret(given: string | undefined, name: SecretName): boolean {
  const expected = secret(name)
  return expected !== undefined && given !== undefined && equalInConstantTime(given, expected)
}

/** Takes as long whatever the texts have in common. */
export function equalInConstantTime(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

/** Whether the caller may see numbers and states: holders of the token for it, and of the admin's. */
export function canSeeMetrics(request: Request): boolean {
  return holdsSecret(request, 'METRICS_TOKEN') || holdsSecret(request, 'ADMIN_TOKEN')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

import { createHash, timingSafeEqual } from 'node:crypto'
import { type SecretName, secret } from '../../config/appConfig'

/** Always false while the secret is not set. */
export function holdsSecret(request: Request, name: SecretName): boolean {
  return isSecret(/^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1], name)
}

export function isSecret(given: string | undefined, name: SecretName): boolean {
  const expected = secret(name)
  return expected !== undefined && given !== undefined && equalInConstantTime(given, expected)
}

/** Compares the digests in constant time, so that the duration shows nothing about a common prefix. */
export function equalInConstantTime(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

/** True with METRICS_TOKEN or ADMIN_TOKEN. */
export function canSeeMetrics(request: Request): boolean {
  return holdsSecret(request, 'METRICS_TOKEN') || holdsSecret(request, 'ADMIN_TOKEN')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Where a request comes from, by the headers that a browser sets itself and no page can change. */
import { trustedOrigins } from '../../config/appConfig'

/**
 * Whether a page of this site made the request. Browsers say so by Sec-Fetch-Site; older ones send the origin with each
 * POST, which is compared with the host that was asked. A request with neither is not from such a page.
 */
export function isSameOrigin(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  return headers.has('origin') && hasTrustedOrigin(headers)
}

/**
 * False when an origin is told that is neither the host that was asked nor one of APP_ORIGINS. Next compares it with the
 * host as well, and fails at others.
 */
export function hasTrustedOrigin(headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin === null) return true
  if (!URL.canParse(origin)) return false
  return new URL(origin).host === requestHost(headers) || trustedOrigins().includes(new URL(origin).origin)
}

/**
 * An origin that is refused although the browser does not call it another site: most likely a proxy has changed the host
 * that the browser asked. Null for every other request.
 */
export function findUnknownOrigin(headers: Headers): { origin: string; host: string } | null {
  const origin = headers.get('origin')
  if (isCrossSite(headers) || origin === null || !/^https?:/.test(origin) || !URL.canParse(origin))
    return null
  if (hasTrustedOrigin(headers)) return null
  return {
    origin: new URL(origin).origin.slice(0, MAX_TOLD),
    host: (requestHost(headers) ?? '').slice(0, MAX_TOLD),
  }
}

/** For Next, which knows nothing of APP_ORIGINS: the host that the browser has asked. The request has passed the check. */
export function withOriginHost(headers: Headers): Headers {
  const origin = headers.get('origin')
  const named = new Headers(headers)
  if (origin !== null && hasTrustedOrigin(headers)) named.set('x-forwarded-host', new URL(origin).host)
  return named
}

/** Characters of an origin or a host that are told, in a log or an answer. */
const MAX_TOLD = 200

/** Whether the browser came here from another site: then it kept back the cookies that are `SameSite=Strict`. */
export function isCrossSite(headers: Headers): boolean {
  return ['cross-site', 'same-site'].includes(headers.get('sec-fetch-site') ?? '')
}

/** Whether the browser speaks https, whatever stands between it and this process. */
export function isHttps(headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin !== null && URL.canParse(origin)) return new URL(origin).protocol === 'https:'
  return firstListItem(headers.get('x-forwarded-proto')) === 'https'
}

/** The address that the nearest proxy was asked from. Where there is no proxy, a client can make it up. */
export function clientAddress(headers: Headers): string {
  return headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() || 'unknown'
}

function requestHost(headers: Headers): string | null {
  return firstListItem(headers.get('x-forwarded-host')) ?? headers.get('host')
}

function firstListItem(list: string | null): string | undefined {
  return list?.split(',')[0]?.trim() || undefined
}

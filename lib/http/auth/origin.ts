/** Finds where a request comes from, by headers that browsers set and pages cannot change. */
import { trustedOrigins } from '../../config/appConfig'

/**
 * Whether a page of this site made the request: by Sec-Fetch-Site, or in older browsers by Origin, which comes only with
 * a POST and must match the requested host. A request with neither header counts as foreign.
 */
export function isSameOrigin(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  return headers.has('origin') && hasTrustedOrigin(headers)
}

/**
 * False when Origin names neither the requested host nor one of APP_ORIGINS. Next compares without APP_ORIGINS, and
 * answers 500.
 */
export function hasTrustedOrigin(headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin === null) return true
  if (!URL.canParse(origin)) return false
  return new URL(origin).host === requestHost(headers) || trustedOrigins().includes(new URL(origin).origin)
}

/**
 * Finds an origin that is refused although the browser does not call the request cross-site, most likely because a proxy
 * has changed the header Host. Null for every other request.
 */
export function findUnknownOrigin(headers: Headers): { origin: string; host: string } | null {
  const origin = headers.get('origin')
  if (isCrossSite(headers) || origin === null || !/^https?:/.test(origin) || !URL.canParse(origin))
    return null
  if (hasTrustedOrigin(headers)) return null
  return {
    origin: new URL(origin).origin.slice(0, MAX_SHOWN),
    host: (requestHost(headers) ?? '').slice(0, MAX_SHOWN),
  }
}

/** Turns the host of a trusted origin into `X-Forwarded-Host`, because Next does not know APP_ORIGINS. */
export function withOriginHost(headers: Headers): Headers {
  const origin = headers.get('origin')
  const result = new Headers(headers)
  if (origin !== null && hasTrustedOrigin(headers)) result.set('x-forwarded-host', new URL(origin).host)
  return result
}

/** In characters, for logs and answers. */
const MAX_SHOWN = 200

/** Whether another site led the browser here. It then sends no `SameSite=Strict` cookies. */
export function isCrossSite(headers: Headers): boolean {
  return ['cross-site', 'same-site'].includes(headers.get('sec-fetch-site') ?? '')
}

/** Also true behind a proxy that ends TLS. */
export function isHttps(headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin !== null && URL.canParse(origin)) return new URL(origin).protocol === 'https:'
  return firstListItem(headers.get('x-forwarded-proto')) === 'https'
}

/** The client's address as the nearest proxy saw it. Without a proxy, a client can invent it. */
export function clientAddress(headers: Headers): string {
  return headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() || 'unknown'
}

function requestHost(headers: Headers): string | null {
  return firstListItem(headers.get('x-forwarded-host')) ?? headers.get('host')
}

function firstListItem(list: string | null): string | undefined {
  return list?.split(',')[0]?.trim() || undefined
}

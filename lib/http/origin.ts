/** Where a request comes from, by the headers that a browser sets itself and no page can change. */

/**
 * Whether a page of this site made the request. Browsers say so by Sec-Fetch-Site; older ones send the origin with each
 * POST, which is compared with the host that was asked. A request with neither is not from such a page.
 */
export function isSameOrigin(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  return headers.has('origin') && isHostOfOrigin(headers)
}

/** False when an origin is told that is not the host that was asked: Next fails at those. */
export function isHostOfOrigin(headers: Headers): boolean {
  const origin = headers.get('origin')
  return origin === null || (URL.canParse(origin) && new URL(origin).host === hostOf(headers))
}

/** Whether the browser came here from another site: then it kept back the cookies that are `SameSite=Strict`. */
export function cameFromElsewhere(headers: Headers): boolean {
  return ['cross-site', 'same-site'].includes(headers.get('sec-fetch-site') ?? '')
}

/** Whether the browser speaks https, whatever stands between it and this process. */
export function cameOverHttps(headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin !== null && URL.canParse(origin)) return new URL(origin).protocol === 'https:'
  return firstOf(headers.get('x-forwarded-proto')) === 'https'
}

/** The address that the nearest proxy was asked from. Where there is no proxy, a client can make it up. */
export function addressOf(headers: Headers): string {
  return headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() || 'unknown'
}

function hostOf(headers: Headers): string | null {
  return firstOf(headers.get('x-forwarded-host')) ?? headers.get('host')
}

function firstOf(list: string | null): string | undefined {
  return list?.split(',')[0]?.trim() || undefined
}

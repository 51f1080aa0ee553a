/**
 * One documented switch: CACHE_COMPONENTS=true builds with Next's Cache Components and partial prefetching, which
 * become the only mode in the next major release. The app is right under both.
 */
const cacheComponents = process.env.CACHE_COMPONENTS === 'true'

/** Serves the app below a path of its host, such as /shop. Next builds it in: set it for the build and for the server. */
const basePath = process.env.APP_BASE_PATH ?? ''
if (!/^(\/[\w.~-]+)*$/.test(basePath))
  throw new Error(
    `APP_BASE_PATH is "${basePath}": it begins with a slash and does not end with one, such as /shop`,
  )

/** STANDALONE=true also writes a server with only the files it needs: docs/operations.md, "Hosts". */
const standalone = process.env.STANDALONE === 'true'

/** Of every answer; the policy of pages has a nonce in it and comes from proxy.ts. docs/operations.md says what for. */
const securityHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Cross-Origin-Opener-Policy': 'same-origin',
}

/** @param {Record<string, string>} headers */
const asList = (headers) => Object.entries(headers).map(([key, value]) => ({ key, value }))

/** @type {import('next').NextConfig} */
export default {
  reactStrictMode: true,
  poweredByHeader: false,
  typedRoutes: true,
  basePath,
  // lib/config/basePath.ts reads it, in the browser as well.
  env: { APP_BASE_PATH: basePath },
  ...(standalone ? { output: 'standalone' } : {}),
  cacheComponents,
  ...(cacheComponents ? { partialPrefetching: true } : {}),
  headers: async () => [
    { source: '/:path*', headers: asList(securityHeaders) },
    {
      source: '/:path*',
      has: [{ type: 'header', key: 'x-forwarded-proto', value: 'https' }],
      headers: asList({ 'Strict-Transport-Security': 'max-age=63072000' }),
    },
    {
      // Nobody is meant to look at these as pages: opened as one, they can load and run nothing.
      source: '/:api(api|health)/:path*',
      headers: asList({ 'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'" }),
    },
  ],
  experimental: {
    // Whatever comes with a request for a page is kept in memory up to this; lib/http/guards/actionGuard.ts takes less.
    proxyClientMaxBodySize: '32kb',
    serverActions: { bodySizeLimit: '32kb' },
    // With it on, `next dev` answers our Redis POSTs from memory after an edit, writes and locks included.
    serverComponentsHmrCache: false,
  },
}

/**
 * CACHE_COMPONENTS=true builds with Next's Cache Components and partial prefetching, which become the only mode in the
 * next major release. The app works in both modes.
 */
const cacheComponents = process.env.CACHE_COMPONENTS === 'true'

/** The path below which the app is served, such as /shop. Next builds it in: set it for the build and for the server. */
const basePath = process.env.APP_BASE_PATH ?? ''
if (!/^(\/[\w.~-]+)*$/.test(basePath))
  throw new Error(
    `APP_BASE_PATH is "${basePath}": it must begin with a slash and not end with one, such as /shop`,
  )

/** STANDALONE=true also writes .next/standalone, a server with only the files it needs: docs/operations.md, "Hosts". */
const standalone = process.env.STANDALONE === 'true'

/** Headers of every answer; docs/operations.md says why. The content security policy of pages comes from proxy.ts. */
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
      // These are no pages: one that is opened in a browser can load and run nothing.
      source: '/:api(api|health)/:path*',
      headers: asList({ 'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'" }),
    },
  ],
  experimental: {
    // Next keeps the body of a request for a page in memory up to this; lib/http/guards/actionGuard.ts allows less.
    proxyClientMaxBodySize: '32kb',
    serverActions: { bodySizeLimit: '32kb' },
    // Otherwise `next dev` answers POSTs to Redis from its memory after an edit, writes and locks included.
    serverComponentsHmrCache: false,
  },
}

/**
 * One documented switch: CACHE_COMPONENTS=true builds with Next's Cache Components and partial prefetching, which
 * become the only mode in the next major release. The app is right under both.
 */
const cacheComponents = process.env.CACHE_COMPONENTS === 'true'

/** @type {import('next').NextConfig} */
export default {
  reactStrictMode: true,
  poweredByHeader: false,
  typedRoutes: true,
  cacheComponents,
  ...(cacheComponents ? { partialPrefetching: true } : {}),
  experimental: {
    // With it on, `next dev` answers our Redis POSTs from memory after an edit, writes and locks included.
    serverComponentsHmrCache: false,
  },
}

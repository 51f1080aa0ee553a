/**
 * The path below which the app is served: '/shop' for https://example.com/shop, '' for a host of its own. It is fixed at
 * build time: next.config.mjs puts APP_BASE_PATH into every bundle, also into those for the browser.
 */
export const basePath = (): string => process.env.APP_BASE_PATH ?? ''

/** A path of this app as a browser must request it. Next adds the base path only to `<Link>` and to its own files. */
export const withBasePath = (path: `/${string}`): string => `${basePath()}${path}`

/** A requested path without the base path; undefined when it is not below it. */
export function withoutBasePath(path: string): string | undefined {
  const base = basePath()
  if (path !== base && !path.startsWith(`${base}/`)) return undefined
  return path.slice(base.length) || '/'
}

/**
 * The path below which the app is served: '/shop' for https://example.com/shop, '' for a host of its own. It is fixed when
 * the app is built: next.config.mjs puts what APP_BASE_PATH says into every bundle, those for the browser included.
 */
export const basePath = (): string => process.env.APP_BASE_PATH ?? ''

/** A path of this app as a browser has to ask for it. Next does so by itself for `<Link>` and its own files only. */
export const withBasePath = (path: `/${string}`): string => `${basePath()}${path}`

/** A path as it was asked for, without the base path; undefined for one that is not below it. */
export function withoutBasePath(path: string): string | undefined {
  const base = basePath()
  if (path !== base && !path.startsWith(`${base}/`)) return undefined
  return path.slice(base.length) || '/'
}

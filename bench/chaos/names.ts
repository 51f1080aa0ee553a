export const VERSION_COLUMN = 'Version'
export const CHANGE_TAG = 'source-changed'

/** In s. */
export interface ChaosField {
  readonly name: string
  readonly key: string
  readonly ttl: number
  readonly staleWhileRevalidate?: number
  readonly staleIfError?: number
  readonly memoryTtl: number
}

/** Longer than any run, in s: a stored value may be served for the whole run when the source fails. */
const ANY_RUN = 7_200

/** Its ttl is shorter than any fault. */
export const PUBLIC_FIELD = {
  name: 'shop-window',
  key: 'chaos_shop_window',
  ttl: 1,
  staleWhileRevalidate: 2,
  staleIfError: ANY_RUN,
  memoryTtl: 1,
} as const satisfies ChaosField

/** Its ttl is so long that only a refresh or an invalidation changes it. */
export const ADMIN_FIELD = {
  name: 'back-office',
  key: 'chaos_back_office',
  ttl: 60,
  staleIfError: ANY_RUN,
  memoryTtl: 1,
} as const satisfies ChaosField

/** Read only by the server that is killed while it fetches, and by those that take over. */
export const LEASED_FIELD = {
  name: 'leased',
  key: 'chaos_leased',
  ttl: 60,
  memoryTtl: 1,
} as const satisfies ChaosField

export const LOADED_FIELDS: readonly ChaosField[] = [PUBLIC_FIELD, ADMIN_FIELD]

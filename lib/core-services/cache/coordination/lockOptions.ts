/** Options of a lock: ttl in seconds, delays in ms. */

import type { Instant } from '../../../shared/clock'
import { describeValue } from '../../../shared/text'
import { lockInvalid } from '../errors'
import type { KeySpace } from '../redis/commands/keySpace'

/** A lock that was taken: plain data, which another process may extend or release. */
export interface Lock {
  readonly names: readonly string[]
  /**
   * A whole number above that of every earlier lock. Send it with each write, and let the target refuse a token lower
   * than the highest it has seen.
   */
  readonly token: number
  readonly holder: string
  readonly ttlSeconds: number
}

export interface LockHolder {
  /** See `Lock`. */
  token: number
  /** Aborted with LOCK_LOST as soon as another holder may have the lock: stop writing. */
  signal: AbortSignal
}

/** How long a lock is certain to be held, counted from sending the request that took or extended it. */
export interface Term {
  since: Instant
  milliseconds: number
}

export interface LockOptions {
  /** Further attempts while another holder has it; 0 to try once. @default CACHE_LOCK_MAX_RETRIES */
  retryCount?: number
  /** Mean pause between two attempts, in ms; each lasts half of it to one and a half. @default CACHE_LOCK_RETRY_DELAY */
  retryDelay?: number
}

export interface LockDefaults extends Required<LockOptions> {
  ttlSeconds: number
}

/** Limits that reveal a wrong unit at once. */
export const MAX_LOCK_TTL_SECONDS = 86_400
export const MAX_LOCK_RETRIES = 10_000
export const MAX_LOCK_RETRY_DELAY_MS = 60_000

/** The scripts pass all names to one command, and Lua unpacks some thousands at most. */
const MAX_NAMES = 1_000

export function resolveLockSettings(
  defaults: LockDefaults,
  ttlSeconds: number,
  { retryCount = defaults.retryCount, retryDelay = defaults.retryDelay }: LockOptions = {},
): { ttlMs: number; retryCount: number; retryDelay: number } {
  const ttlMs = typeof ttlSeconds === 'number' ? Math.round(ttlSeconds * 1000) : 0
  if (!(ttlMs >= 1 && ttlSeconds <= MAX_LOCK_TTL_SECONDS)) {
    throw lockInvalid(
      `its ttl is ${describeValue(ttlSeconds)}, not a number of seconds up to ${MAX_LOCK_TTL_SECONDS}`,
    )
  }
  if (!(Number.isInteger(retryCount) && retryCount >= 0 && retryCount <= MAX_LOCK_RETRIES)) {
    throw lockInvalid(
      `retryCount is ${describeValue(retryCount)}, not a whole number up to ${MAX_LOCK_RETRIES}`,
    )
  }
  if (!(typeof retryDelay === 'number' && retryDelay >= 0 && retryDelay <= MAX_LOCK_RETRY_DELAY_MS)) {
    throw lockInvalid(
      `retryDelay is ${describeValue(retryDelay)}, not a number of ms up to ${MAX_LOCK_RETRY_DELAY_MS}`,
    )
  }
  return { ttlMs, retryCount, retryDelay }
}

/** Throws LOCK_INVALID, or KEY_INVALID for a name that cannot be a key. */
export function checkLockNames(names: readonly string[], keys: KeySpace): string[] {
  for (const name of names) keys.physical(name)
  const sorted = [...new Set(names)].sort()
  if (sorted.length > 0 && sorted.length <= MAX_NAMES) return sorted
  throw lockInvalid(`it has ${sorted.length} names, 1 to ${MAX_NAMES} are possible`)
}

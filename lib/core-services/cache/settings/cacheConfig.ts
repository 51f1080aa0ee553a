import { z } from 'zod'
import { type Env, httpUrl, onOff, parseEnv, text, wholeNumber } from '../../../shared/env'
import { configInvalid } from '../../../shared/errors'
import {
  type LockDefaults,
  MAX_LOCK_RETRIES,
  MAX_LOCK_RETRY_DELAY_MS,
  MAX_LOCK_TTL_SECONDS,
} from '../coordination/lockOptions'
import { KEY_SEPARATORS } from '../redis/commands/keyBuilder'
import type { BreakerOptions } from '../redis/transport/circuitBreaker'
import type { Patience } from '../redis/transport/reachability'

/** The first from Upstash's console, the second from Vercel's integration; never mixed. */
const PAIRS = [
  ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN'],
  ['KV_REST_API_URL', 'KV_REST_API_TOKEN'],
] as const

/** Needs no credentials. */
export interface KeyConfig {
  keyPrefix: string
  keyVersion: string
  keySeparator: string
  /** Longest physical key, in characters. @default 250 */
  maxKeyLength: number
}

export interface CacheConfig extends KeyConfig {
  url: string
  token: string
  /** For error messages. */
  urlName: string
  tokenName: string
  /** For a reader with a value to serve, in ms. @default 250 */
  commandTimeoutMs: number
  /** Deadline of a request, and for a reader without a value, in ms. @default 1_500 */
  commandHardTimeoutMs: number
  slowCommandMs: number
  batchSize: number
  breaker: BreakerOptions
  lock: LockDefaults
}

const keySettings = z.object({
  CACHE_KEY_VERSION: z.preprocess(
    (value) => value || 'v1',
    z
      .string()
      .regex(/^[\w.-]{1,20}$/, { error: 'CACHE_KEY_VERSION may hold letters, digits, dots, - and _' }),
  ),
  CACHE_KEY_PREFIX: z.preprocess(
    (value) => value || undefined,
    z
      .string()
      .regex(/^[\w.-]{1,60}$/, { error: 'CACHE_KEY_PREFIX may hold letters, digits, dots, - and _' })
      .optional(),
  ),
  CACHE_KEY_SEPARATOR: z.preprocess(
    (value) => value || ':',
    z.string().refine((value) => [...KEY_SEPARATORS].includes(value), {
      error: `CACHE_KEY_SEPARATOR is none of ${[...KEY_SEPARATORS].join(' ')}`,
    }),
  ),
  CACHE_MAX_KEY_LENGTH: wholeNumber('CACHE_MAX_KEY_LENGTH', 'characters', 250, 32_000),
})

const settings = z.object({
  ...keySettings.shape,
  CACHE_COMMAND_TIMEOUT_MS: wholeNumber('CACHE_COMMAND_TIMEOUT_MS', 'milliseconds', 250, 60_000, 10),
  CACHE_COMMAND_HARD_TIMEOUT_MS: wholeNumber(
    'CACHE_COMMAND_HARD_TIMEOUT_MS',
    'milliseconds',
    1_500,
    60_000,
    10,
  ),
  CACHE_MAX_LATENCY_MS: wholeNumber('CACHE_MAX_LATENCY_MS', 'milliseconds', 100, 60_000),
  CACHE_BATCH_SIZE: wholeNumber('CACHE_BATCH_SIZE', 'keys', 100, 10_000),
  CACHE_CB_FAILURE_THRESHOLD: wholeNumber('CACHE_CB_FAILURE_THRESHOLD', 'failures', 5, 1_000_000),
  CACHE_CB_MONITORING_PERIOD: wholeNumber(
    'CACHE_CB_MONITORING_PERIOD',
    'milliseconds',
    300_000,
    86_400_000,
    1_000,
  ),
  CACHE_CB_RECOVERY_TIMEOUT: wholeNumber('CACHE_CB_RECOVERY_TIMEOUT', 'milliseconds', 60_000, 86_400_000),
  CACHE_CB_HALF_OPEN_MAX_CALLS: wholeNumber('CACHE_CB_HALF_OPEN_MAX_CALLS', 'probes', 3, 100),
  CACHE_LOCK_DEFAULT_TTL: wholeNumber('CACHE_LOCK_DEFAULT_TTL', 'seconds', 30, MAX_LOCK_TTL_SECONDS),
  CACHE_LOCK_RETRY_DELAY: wholeNumber('CACHE_LOCK_RETRY_DELAY', 'milliseconds', 100, MAX_LOCK_RETRY_DELAY_MS),
  CACHE_LOCK_MAX_RETRIES: wholeNumber('CACHE_LOCK_MAX_RETRIES', 'retries', 3, MAX_LOCK_RETRIES, 0),
})

/** Throws CONFIG_INVALID with each unusable variable. */
export function keyConfig(env: Env = process.env): KeyConfig {
  return toKeyConfig(parseEnv(keySettings, env), env)
}

/** Throws CONFIG_INVALID with each missing or unusable variable. */
export function cacheConfig(env: Env = process.env): CacheConfig {
  const credentials = redisCredentials(env)
  const values = parseEnv(settings, env)
  return {
    ...credentials,
    ...toKeyConfig(values, env),
    ...timeoutsFrom(values),
    slowCommandMs: values.CACHE_MAX_LATENCY_MS,
    batchSize: values.CACHE_BATCH_SIZE,
    breaker: {
      failureThreshold: values.CACHE_CB_FAILURE_THRESHOLD,
      windowMs: values.CACHE_CB_MONITORING_PERIOD,
      recoveryMs: values.CACHE_CB_RECOVERY_TIMEOUT,
      halfOpenProbes: values.CACHE_CB_HALF_OPEN_MAX_CALLS,
    },
    lock: {
      ttlSeconds: values.CACHE_LOCK_DEFAULT_TTL,
      retryDelay: values.CACHE_LOCK_RETRY_DELAY,
      retryCount: values.CACHE_LOCK_MAX_RETRIES,
    },
  }
}

/** The hard deadline is at least the soft one: an aborted request proves nothing. */
function timeoutsFrom(
  values: Pick<z.infer<typeof settings>, 'CACHE_COMMAND_TIMEOUT_MS' | 'CACHE_COMMAND_HARD_TIMEOUT_MS'>,
): Pick<CacheConfig, 'commandTimeoutMs' | 'commandHardTimeoutMs'> {
  const { CACHE_COMMAND_TIMEOUT_MS: soft, CACHE_COMMAND_HARD_TIMEOUT_MS: hard } = values
  return { commandTimeoutMs: soft, commandHardTimeoutMs: Math.max(soft, hard) }
}

function toKeyConfig(values: z.infer<typeof keySettings>, env: Env): KeyConfig {
  return {
    keyPrefix: values.CACHE_KEY_PREFIX ?? defaultPrefix(env),
    keyVersion: values.CACHE_KEY_VERSION,
    keySeparator: values.CACHE_KEY_SEPARATOR,
    maxKeyLength: values.CACHE_MAX_KEY_LENGTH,
  }
}

function redisCredentials(env: Env): Pick<CacheConfig, 'url' | 'token' | 'urlName' | 'tokenName'> {
  const pair = PAIRS.find((names) => names.some((name) => env[name]))
  if (!pair) throw configInvalid([missingPair(env)])
  const [urlName, tokenName] = pair
  const what = `${urlName} and ${tokenName} belong together, both come from the database's page`
  const { url, token } = parseEnv(
    z.object({ url: text(urlName, what).pipe(httpUrl(urlName)), token: text(tokenName, what) }),
    { url: env[urlName], token: env[tokenName] },
  )
  return { url, token, urlName, tokenName }
}

function missingPair(env: Env): string {
  const wanted = `${PAIRS[0].join(' and ')} (or ${PAIRS[1].join(' and ')}) are not set`
  // A store connected with a custom prefix sets other names.
  const prefixed = Object.keys(env).filter((name) => /.KV_REST_API_(URL|TOKEN)$/.test(name))
  return prefixed.length === 0
    ? `${wanted}: copy them from the database's page, or run npm run dev for a local one`
    : `${wanted}, but ${prefixed.join(' and ')} are: reconnect the store without a prefix, or copy the values`
}

/** Deployments of different environments may share a database, never keys. */
function defaultPrefix(env: Env): string {
  return `field-cache-${env.VERCEL_ENV || env.NODE_ENV || 'development'}`
}

export function batchSize(env: Env = process.env): number {
  const { CACHE_BATCH_SIZE } = settings.shape
  return parseEnv(z.object({ CACHE_BATCH_SIZE }), env).CACHE_BATCH_SIZE
}

export function commandPatience(env: Env = process.env): Patience {
  const { CACHE_COMMAND_TIMEOUT_MS, CACHE_COMMAND_HARD_TIMEOUT_MS } = settings.shape
  const values = parseEnv(z.object({ CACHE_COMMAND_TIMEOUT_MS, CACHE_COMMAND_HARD_TIMEOUT_MS }), env)
  const { commandTimeoutMs, commandHardTimeoutMs } = timeoutsFrom(values)
  return { softMs: commandTimeoutMs, hardMs: commandHardTimeoutMs }
}

/** After a failed start, true ends the process and false serves what can be fetched. @default true, on Vercel false */
export function cacheFailFast(env: Env = process.env): boolean {
  const fallback = env.VERCEL !== '1'
  return parseEnv(z.object({ CACHE_FAIL_FAST: onOff('CACHE_FAIL_FAST', fallback) }), env).CACHE_FAIL_FAST
}

/** Settings of the app around the cache: secrets, time budgets, switches. */
import { z } from 'zod'
import { type Env, onOff, optionalText, parseEnv, wholeNumber } from '../shared/env'
import { configInvalid } from '../shared/errors'
import { basePath } from './basePath'

const MIN_SECRET_LENGTH = 16

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface RefreshConfig {
  /** Deadline of a whole refresh of one field, in ms; two of them must fit into one run of the cron. */
  refreshTimeoutMs: number
  /** Whether the cron may refresh fields before a reader needs them. */
  warmupEnabled: boolean
}

export function refreshConfig(env: Env = process.env): RefreshConfig {
  const values = parseEnv(
    z.object({
      CACHE_REFRESH_TIMEOUT_MS: wholeNumber(
        'CACHE_REFRESH_TIMEOUT_MS',
        'milliseconds',
        25_000,
        120_000,
        1_000,
      ),
      CACHE_WARMUP_ENABLED: onOff('CACHE_WARMUP_ENABLED', true),
    }),
    env,
  )
  return { refreshTimeoutMs: values.CACHE_REFRESH_TIMEOUT_MS, warmupEnabled: values.CACHE_WARMUP_ENABLED }
}

/** How long the cron may not run before health reports it, in hours. */
export function cronMaxSilenceHours(env: Env = process.env): number {
  const hours = wholeNumber('CRON_MAX_SILENCE_HOURS', 'hours', 26, 8_784)
  return parseEnv(z.object({ CRON_MAX_SILENCE_HOURS: hours }), env).CRON_MAX_SILENCE_HOURS
}

/** Whether events are counted and the counts sent to Redis. */
export function metricsEnabled(env: Env = process.env): boolean {
  const schema = z.object({ CACHE_METRICS_ENABLED: onOff('CACHE_METRICS_ENABLED', true) })
  return parseEnv(schema, env).CACHE_METRICS_ENABLED
}

/** How many bytes of field values one process may keep in memory; 0 turns the memory cache off. */
export function memoryMaxBytes(env: Env = process.env): number {
  const bytes = wholeNumber('CACHE_MEMORY_MAX_BYTES', 'bytes', 50_000_000, 999_999_999, 0)
  return parseEnv(z.object({ CACHE_MEMORY_MAX_BYTES: bytes }), env).CACHE_MEMORY_MAX_BYTES
}

/** Identifies this release of the app among others that run at the same time. */
export function deploymentName(env: Env = process.env): string {
  return env.VERCEL_DEPLOYMENT_ID || env.VERCEL_GIT_COMMIT_SHA || 'other'
}

export function logLevel(env: Env = process.env): LogLevel {
  const schema = z.preprocess(
    (value) => value || 'info',
    z.enum(LOG_LEVELS, { error: `LOG_LEVEL is none of ${LOG_LEVELS.join(', ')}` }),
  )
  return parseEnv(z.object({ LOG_LEVEL: schema }), env).LOG_LEVEL
}

/**
 * Origins under which browsers see this site although requests name another host, because a proxy changes the header Host
 * and sends no X-Forwarded-Host. Skips entries that are no origin; `assertOrigins` reports them at boot.
 */
export function trustedOrigins(env: Env = process.env): readonly string[] {
  return givenOrigins(env).filter(isOrigin)
}

/** Throws CONFIG_INVALID for each entry of APP_ORIGINS that is no origin. */
export function assertOrigins(env: Env = process.env): void {
  const problems = givenOrigins(env)
    .filter((entry) => !isOrigin(entry))
    .map(
      (entry) =>
        `APP_ORIGINS holds "${entry}": give origins as browsers show them, such as https://app.example, without a path, with commas between`,
    )
  if (problems.length > 0) throw configInvalid(problems)
}

function givenOrigins(env: Env): string[] {
  return (env.APP_ORIGINS ?? '')
    .split(',')
    .map((entry) => entry.trim().replace(/\/$/, ''))
    .filter((entry) => entry !== '')
}

const isOrigin = (text: string): boolean =>
  /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text

/**
 * Throws CONFIG_INVALID when the server starts with another base path than the app was built with: `next start` would
 * serve the pages below one path while they call the API below the other. A standalone server has its path built in.
 */
export function assertBasePath(env: Env = process.env): void {
  const given = env.APP_BASE_PATH ?? ''
  if (given === basePath() || env.__NEXT_PRIVATE_STANDALONE_CONFIG !== undefined) return
  throw configInvalid([
    `APP_BASE_PATH is "${given}", and the app was built with "${basePath()}": set the same for the build and for the server, or build again`,
  ])
}

const secretSchema = (name: string) =>
  optionalText.pipe(
    z
      .string()
      .min(MIN_SECRET_LENGTH, {
        error: `${name} has fewer than ${MIN_SECRET_LENGTH} characters: use openssl rand -hex 32`,
      })
      .regex(/^[\x21-\x7e]+$/, {
        error: `${name} holds white space or an invisible character: copy it again`,
      })
      .optional(),
  )

const SECRETS = {
  ADMIN_TOKEN: secretSchema('ADMIN_TOKEN'),
  CRON_SECRET: secretSchema('CRON_SECRET'),
  METRICS_TOKEN: secretSchema('METRICS_TOKEN'),
}

export type SecretName = keyof typeof SECRETS

/** Throws CONFIG_INVALID for a secret that is too short or holds invisible characters. */
export function assertSecrets(env: Env = process.env): void {
  parseEnv(z.object(SECRETS), env)
}

/** Undefined when the secret is not set or not valid: what it protects stays closed. */
export function secret(name: SecretName, env: Env = process.env): string | undefined {
  const result = SECRETS[name].safeParse(env[name])
  return result.success ? result.data : undefined
}

/** What happens once when the server starts: wiring, a look at the whole configuration, services, and what if not. */

import {
  assertBasePath,
  assertOrigins,
  assertSecrets,
  cronMaxSilenceHours,
  logLevel,
  memoryMaxBytes,
  metricsEnabled,
  refreshConfig,
} from './config/appConfig'
import { airtableConfig, assertWebhookSecrets, peopleTable } from './core-services/airtable/airtableConfig'
import { watchRechecks } from './core-services/airtable/webhooks/recheckWatch'
import type { AnyField } from './core-services/cache/fields/fieldConfig'
import { createKeySpace } from './core-services/cache/redis/commands/keySpace'
import { cacheConfig, cacheFailFast, keyConfig } from './core-services/cache/settings/cacheConfig'
import { encryptionKeys } from './core-services/cache/settings/encryptionConfig'
import { countEvent } from './core-services/metrics/metricsService'
import { initCoreServices } from './core-services/serviceLoader'
import { repairRawRequests } from './http/guards/malformedRequests'
import { observed } from './observability/annotateEvent'
import { publishEvent } from './observability/diagnosticsChannel'
import { createEventLog } from './observability/eventLog'
import { formatFor } from './observability/logFormat'
import { createScrubber } from './observability/redact'
import { configProblems, type Env } from './shared/env'
import { configInvalid, getErrorMessage, isCodedError } from './shared/errors'
import type { FieldCacheEvent } from './shared/events'
import { processPorts } from './shared/ports'
import { setProcessState } from './shared/processState'

export interface BootResult {
  ok: boolean
  /** What to tell whoever started the server, when it is not ok. */
  report: string
  /** Whether the process shall end: a server that cannot work must not look healthy. */
  fatal: boolean
}

/** Called once, before the first request. */
export async function bootServer(): Promise<void> {
  repairRawRequests()
  const { ok, report, fatal } = await boot()
  if (ok) return
  process.stderr.write(
    fatal
      ? report
      : `${report}It goes on without what is missing, and tries again (CACHE_FAIL_FAST is off).\n`,
  )
  // Throwing would leave a server that answers every request with 500, static pages included, until it is replaced.
  if (fatal) process.exit(1)
}

export async function boot(env: Env = process.env): Promise<BootResult> {
  startEventLog(env)
  try {
    assertConfiguration(env)
    // Evaluating the fields checks them.
    const { fields } = await import('./core-services/cache/fieldCacheConfigs')
    assertKeysFit(env, fields)
    assertEncryptable(env, fields)
    watchRechecks(fields)
    await initCoreServices(['cache', 'airtable'])
    return { ok: true, report: '', fatal: false }
  } catch (error) {
    return { ok: false, report: formatReport(error), fatal: orElse(true, () => cacheFailFast(env)) }
  }
}

/** First of all: a server that goes on without Redis or with half a configuration tells its story, too. */
function startEventLog(env: Env): void {
  const threshold = orElse('info', () => logLevel(env))
  const format = formatFor(env, process.stdout.isTTY)
  const log = createEventLog((line) => process.stdout.write(line), threshold, format)
  const scrub = createScrubber(env)
  // A reader of the log that goes away must not take the server along: Next would log each failed line, and fail again.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const counted = orElse(true, () => metricsEnabled(env))
  setProcessState('ports', {
    ...processPorts(),
    emit(event: FieldCacheEvent) {
      const seen = observed(event, scrub)
      log(seen)
      publishEvent(seen)
      if (counted) countEvent(seen)
    },
  })
}

function assertConfiguration(env: Env): void {
  const parts = [
    cacheConfig,
    airtableConfig,
    peopleTable,
    assertWebhookSecrets,
    refreshConfig,
    memoryMaxBytes,
    metricsEnabled,
    encryptionKeys,
    cronMaxSilenceHours,
    logLevel,
    assertSecrets,
    assertOrigins,
    assertBasePath,
    cacheFailFast,
  ]
  const problems = configProblems(parts.map((part) => () => part(env)))
  if (problems.length > 0) throw configInvalid(problems)
}

/** A prefix that leaves no room for the keys of the fields would fail every read. */
function assertKeysFit(env: Env, fields: readonly AnyField[]): void {
  const {
    keyPrefix: prefix,
    keyVersion: version,
    keySeparator: separator,
    maxKeyLength: maxLength,
  } = keyConfig(env)
  const keys = createKeySpace({ prefix, version, separator, maxLength })
  try {
    for (const { key } of fields) keys.physical(key)
  } catch (error) {
    throw configInvalid([
      `CACHE_MAX_KEY_LENGTH or CACHE_KEY_PREFIX does not suit the fields: ${getErrorMessage(error)}`,
    ])
  }
}

/** Without a key a field that is to be encrypted would be fetched at every read. */
function assertEncryptable(env: Env, fields: readonly AnyField[]): void {
  const encrypted = fields.filter(({ advanced }) => advanced?.encrypt).map(({ name }) => name)
  if (encrypted.length === 0 || encryptionKeys(env).length > 0) return
  throw configInvalid([
    `CACHE_ENCRYPTION_KEY is not set, and these fields are to be encrypted: ${encrypted.join(', ')}. Use openssl rand -base64 32`,
  ])
}

/** What is wrong with a setting is reported with all the rest; until then a default has to do. */
function orElse<T>(fallback: T, read: () => T): T {
  try {
    return read()
  } catch {
    return fallback
  }
}

function formatReport(error: unknown): string {
  const hint = isCodedError(error) && error.hint ? `\n  ${error.hint}` : ''
  return `Field Cache is not ready. ${getErrorMessage(error)}${hint}\n`
}

/** Starts the server: the event log, a check of the whole configuration, the services, and a report when one fails. */
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
import { watchRechecks } from './core-services/airtable/webhooks/recheckWatch'
import type { AnyField } from './core-services/cache/fields/fieldConfig'
import { createKeySpace } from './core-services/cache/redis/commands/keySpace'
import { cacheFailFast, keyConfig } from './core-services/cache/settings/cacheConfig'
import { encryptionKeys } from './core-services/cache/settings/encryptionConfig'
import { countEvent } from './core-services/metrics/metricsService'
import { serviceRegistry } from './core-services/service-registry'
import { initCoreServices } from './core-services/serviceLoader'
import { repairRawRequests } from './http/guards/malformedRequests'
import { annotateEvent } from './observability/annotateEvent'
import { publishEvent } from './observability/diagnosticsChannel'
import { createEventLog } from './observability/eventLog'
import { chooseFormat } from './observability/logFormat'
import { createRedactor } from './observability/redact'
import { configProblems, type Env } from './shared/env'
import { configInvalid, getErrorMessage, isCodedError } from './shared/errors'
import type { FieldCacheEvent } from './shared/events'
import { processPorts } from './shared/ports'
import { setProcessState } from './shared/processState'

export interface BootResult {
  ok: boolean
  /** What is wrong and what to do, for the terminal. Empty when it is ok. */
  report: string
  /** Whether the process must end: a server that cannot work must not look healthy. */
  fatal: boolean
}

/** Boots this process, before its first request. Ends it when boot has failed and CACHE_FAIL_FAST is on. */
export async function bootServer(): Promise<void> {
  repairRawRequests()
  const { ok, report, fatal } = await boot()
  if (ok) return
  process.stderr.write(
    fatal
      ? report
      : `${report}The server starts all the same and tries again later, because CACHE_FAIL_FAST is off.\n`,
  )
  // If this threw, the server would stay up and answer every request with 500, static pages included.
  if (fatal) process.exit(1)
}

export async function boot(env: Env = process.env): Promise<BootResult> {
  startEventLog(env)
  try {
    assertConfiguration(env)
    // The import checks the options of the fields.
    const { fields } = await import('./core-services/cache/fieldCacheConfigs')
    assertKeysFit(env, fields)
    assertEncryptable(env, fields)
    watchRechecks(fields)
    await initCoreServices()
    return { ok: true, report: '', fatal: false }
  } catch (error) {
    return { ok: false, report: formatReport(error), fatal: orElse(true, () => cacheFailFast(env)) }
  }
}

/** Runs first, so that a server without Redis or with an invalid configuration logs events too. */
function startEventLog(env: Env): void {
  const threshold = orElse('info', () => logLevel(env))
  const format = chooseFormat(env, process.stdout.isTTY)
  const log = createEventLog((line) => process.stdout.write(line), threshold, format)
  const redact = createRedactor(env)
  // When the reader of the log goes away, each write fails, Next logs that, and the server would end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const counted = orElse(true, () => metricsEnabled(env))
  setProcessState('ports', {
    ...processPorts(),
    emit(event: FieldCacheEvent) {
      const seen = annotateEvent(event, redact)
      log(seen)
      publishEvent(seen)
      if (counted) countEvent(seen)
    },
  })
}

/** Each service brings its own, in serviceLoader.ts. */
const APP_SETTINGS: readonly ((env: Env) => unknown)[] = [
  refreshConfig,
  memoryMaxBytes,
  metricsEnabled,
  cronMaxSilenceHours,
  logLevel,
  assertSecrets,
  assertOrigins,
  assertBasePath,
]

/** Throws one CONFIG_INVALID for all problems together. */
function assertConfiguration(env: Env): void {
  const settings = [...serviceRegistry.settings(), ...APP_SETTINGS]
  const problems = configProblems(settings.map((read) => () => read(env)))
  if (problems.length > 0) throw configInvalid(problems)
}

/** Throws CONFIG_INVALID when the key prefix leaves no room for the keys of the fields: every read would fail. */
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
      `CACHE_MAX_KEY_LENGTH or CACHE_KEY_PREFIX does not fit the keys of the fields: ${getErrorMessage(error)}`,
    ])
  }
}

/** Throws CONFIG_INVALID when an encrypted field has no key: it would be fetched at every read. */
function assertEncryptable(env: Env, fields: readonly AnyField[]): void {
  const encrypted = fields.filter(({ advanced }) => advanced?.encrypt).map(({ name }) => name)
  if (encrypted.length === 0 || encryptionKeys(env).length > 0) return
  throw configInvalid([
    `CACHE_ENCRYPTION_KEY is not set, and these fields are to be encrypted: ${encrypted.join(', ')}. Use openssl rand -base64 32`,
  ])
}

/** Returns a default for a setting that is invalid. `assertConfiguration` reports it later with all other problems. */
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

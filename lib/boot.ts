/** What happens once when the server starts: wiring, a look at the whole configuration, services, and what if not. */

import { airtableConfig, peopleTable } from './config/airtableConfig'
import { assertSecrets, logLevel, refreshConfig } from './config/appConfig'
import { cacheConfig, cacheFailFast } from './config/cacheConfig'
import { configProblems, type Env } from './config/env'
import { configInvalid, isCodedError, messageOf } from './core-services/cache/engine/errors'
import { processPorts } from './core-services/cache/engine/ports'
import { setProcessState } from './core-services/cache/engine/processState'
import { initCoreServices } from './core-services/serviceLoader'
import { createEventLog } from './eventLog'

export interface BootOutcome {
  ok: boolean
  /** What to tell whoever started the server, when it is not ok. */
  report: string
  /** Whether the process shall end: a server that cannot work must not look healthy. */
  fatal: boolean
}

/** Called once, before the first request. */
export async function bootServer(): Promise<void> {
  const { ok, report, fatal } = await boot()
  if (ok) return
  process.stderr.write(report)
  // Throwing would leave a server that answers every request with 500, static pages included, until it is replaced.
  if (fatal) process.exit(1)
}

export async function boot(env: Env = process.env): Promise<BootOutcome> {
  startEventLog(env)
  try {
    assertConfiguration(env)
    // Evaluating the fields checks them.
    await import('./core-services/cache/fieldCacheConfigs')
    await initCoreServices(['cache', 'airtable'])
    return { ok: true, report: '', fatal: false }
  } catch (error) {
    return { ok: false, report: reportOf(error), fatal: orElse(true, () => cacheFailFast(env)) }
  }
}

/** First of all: a server that goes on without Redis or with half a configuration tells its story, too. */
function startEventLog(env: Env): void {
  const threshold = orElse('info', () => logLevel(env))
  setProcessState('ports', {
    ...processPorts(),
    emit: createEventLog((line) => process.stdout.write(line), threshold),
  })
}

function assertConfiguration(env: Env): void {
  const parts = [
    cacheConfig,
    airtableConfig,
    peopleTable,
    refreshConfig,
    logLevel,
    assertSecrets,
    cacheFailFast,
  ]
  const problems = configProblems(parts.map((part) => () => part(env)))
  if (problems.length > 0) throw configInvalid(problems)
}

/** What is wrong with a setting is reported with all the rest; until then a default has to do. */
function orElse<T>(fallback: T, read: () => T): T {
  try {
    return read()
  } catch {
    return fallback
  }
}

function reportOf(error: unknown): string {
  const hint = isCodedError(error) && error.hint ? `\n  ${error.hint}` : ''
  return `Field Cache did not start. ${messageOf(error)}${hint}\n`
}

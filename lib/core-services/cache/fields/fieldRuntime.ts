/** What reads and refreshes of fields need from the process that they run in. */

import type { CodedError } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'
import type { SingleFlight } from '../../../shared/singleFlight'
import type { Locks } from '../coordination/locks'
import type { SharedRecords } from '../coordination/records'
import { isRedisFailure } from '../errors'
import { reportDegraded } from '../redis/reportDegraded'
import type { Reachability } from '../redis/transport/reachability'
import type { FieldMemory } from './memory/fieldMemory'
import type { FieldStore } from './store/fieldStore'

export interface FieldRuntime extends FieldMemory {
  /** Rejects with CACHE_UNAVAILABLE when the cache service has not started. */
  store(): Promise<FieldStore>
  singleFlight: SingleFlight
  /** Whether Redis answers this process. */
  reachability: Reachability
  ports: Ports
  /** What tells this release of the app from others that run at the same time. */
  deployment: string
  /** Deadline of a whole refresh, in ms. */
  refreshTimeoutMs: number
}

/** What the cron and pings of webhooks need besides. */
export interface CronRuntime extends FieldRuntime {
  /** Rejects as `store` does. */
  locks(): Promise<Locks>
  /** Rejects as `store` does. */
  sharedRecords(): Promise<SharedRecords>
}

/** What walks the key space. */
export interface PatternRuntime extends FieldRuntime {
  /** Removes all keys of a pattern, and invalidates those of fields; answers how many were there. Rejects with a REDIS_ error. */
  removeByPattern(glob: string): Promise<number>
}

/** What the cache-aside face needs besides. */
export interface AsideRuntime extends PatternRuntime {
  /** How many keys one call of the source is asked for at most. */
  batchSize: number
}

/** Reports that Redis failed and returns that error. Throws every other one. */
export function reportRedisFailure(
  { ports }: Pick<FieldRuntime, 'ports'>,
  operation: string,
  error: unknown,
): CodedError {
  if (!isRedisFailure(error)) throw error
  reportDegraded(ports, operation, error)
  return error
}

/** Asks the store. When Redis fails, reports it and returns the fallback. */
export async function askStore<T>(
  runtime: FieldRuntime,
  operation: string,
  fallback: T,
  ask: (store: FieldStore) => Promise<T>,
): Promise<T> {
  try {
    return await ask(await runtime.store())
  } catch (error) {
    reportRedisFailure(runtime, operation, error)
    return fallback
  }
}

/** Asks the store after the answer. No caller waits for it, so a control-flow error of the framework has nothing to steer. */
export function askStoreLater(
  runtime: FieldRuntime,
  operation: string,
  ask: (store: FieldStore) => Promise<unknown>,
): void {
  runtime.ports.defer(async () => {
    try {
      await askStore<unknown>(runtime, operation, undefined, ask)
    } catch (error) {
      if (!runtime.ports.isControlFlow(error)) throw error
    }
  })
}

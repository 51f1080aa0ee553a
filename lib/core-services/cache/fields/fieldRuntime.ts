/** What reads and refreshes of fields need from their process. */

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
  reachability: Reachability
  ports: Ports
  /** Names this release of the app. */
  deployment: string
  /** Deadline of a whole refresh, in ms. */
  refreshTimeoutMs: number
}

export interface CronRuntime extends FieldRuntime {
  /** Rejects as `store` does. */
  locks(): Promise<Locks>
  /** Rejects as `store` does. */
  sharedRecords(): Promise<SharedRecords>
}

export interface PatternRuntime extends FieldRuntime {
  /** Also invalidates the fields among them. Returns how many keys there were. Rejects with a REDIS_ error. */
  removeByPattern(glob: string): Promise<number>
}

export interface AsideRuntime extends PatternRuntime {
  /** Most keys in one call of the source. */
  batchSize: number
}

/** Reports a failure of Redis and returns it. Throws any other error. */
export function reportRedisFailure(
  { ports }: Pick<FieldRuntime, 'ports'>,
  operation: string,
  error: unknown,
): CodedError {
  if (!isRedisFailure(error)) throw error
  reportDegraded(ports, operation, error)
  return error
}

/** Returns the fallback if Redis fails, and reports that. */
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

/** Runs after the answer. Drops control-flow errors of the framework: there is no render left to steer. */
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

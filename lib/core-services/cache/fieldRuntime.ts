/** What the read path and the refresh path of fields need, bound to this process; tests bind their own. */
import { refreshConfig } from '../../config/appConfig'
import { serviceRegistry } from '../service-registry'
import type { CacheService } from './cacheService'
import { cacheUnavailable, hasCode, isRedisFailure } from './engine/errors'
import type { FieldStore } from './engine/fieldStore'
import { createFlights, type Flights } from './engine/flights'
import type { Locks } from './engine/lock'
import { type Ports, processPorts } from './engine/ports'
import { processState } from './engine/processState'
import { createSeenTokens, type SeenTokens } from './engine/seenTokens'
import '../serviceLoader'

export interface FieldRuntime {
  /** Rejects with CACHE_UNAVAILABLE when the cache service has not started. */
  store(): Promise<FieldStore>
  flights: Flights
  seen: SeenTokens
  ports: Ports
  /** Deadline of a whole refresh, in ms. */
  refreshTimeoutMs: number
}

/** What the cron needs besides. */
export interface CronRuntime extends FieldRuntime {
  /** Rejects as `store` does. */
  locks(): Promise<Locks>
}

export function fieldRuntime(): CronRuntime {
  const ports = processPorts()
  return {
    ports,
    flights: processState('flights', createFlights),
    seen: processState('seen', createSeenTokens),
    // Read when something is refreshed: a hit needs no configuration.
    get refreshTimeoutMs() {
      return refreshConfig().refreshTimeoutMs
    },
    store: async () => (await cacheService()).fieldStore,
    locks: async () => (await cacheService()).lock,
  }
}

async function cacheService(): Promise<CacheService> {
  try {
    return await serviceRegistry.getService('cache')
  } catch (error) {
    // A cache that nobody registered is a mistake to be seen, not an outage to be borne.
    if (!hasCode(error, 'SERVICE_FAILED')) throw error
    throw cacheUnavailable(error.cause)
  }
}

/** Asks the store; when Redis fails, emits one event and answers the fallback. */
export async function askStore<T>(
  runtime: FieldRuntime,
  operation: string,
  fallback: T,
  ask: (store: FieldStore) => Promise<T>,
): Promise<T> {
  try {
    return await ask(await runtime.store())
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    runtime.ports.emit({ type: 'redis.degraded', operation, code: error.code, message: error.message })
    return fallback
  }
}

/** What the read path and the refresh path of fields need, bound to this process; tests bind their own. */

import { deploymentName, refreshConfig } from '../../../config/appConfig'
import { createScrubber } from '../../../observability/redact'
import { type Ports, processPorts } from '../../../shared/ports'
import { processState } from '../../../shared/processState'
import { createFlights, type Flights } from '../../../shared/singleFlight'
import { serviceRegistry } from '../../service-registry'
import type { CacheService } from '../cacheService'
import type { Locks } from '../coordination/locks'
import type { ClaimedNotes, Notes } from '../coordination/records'
import { cacheUnavailable, hasCode, isRedisFailure } from '../errors'
import { createReachability, type Reachability } from '../redis/transport/reachability'
import { batchSize, commandPatience } from '../settings/cacheConfig'
import { createCompanions, withCompanions } from './store/companions'
import type { Inspection } from './store/entryHeaders'
import type { FieldStore } from './store/fieldStore'
import '../../serviceLoader'
import type { SeenEntry } from '../operations/fieldStates'
import type { NotedRun } from '../operations/refreshLog'
import { type FieldMemory, processMemory } from './memory/processMemory'

export interface FieldRuntime extends FieldMemory {
  /** Rejects with CACHE_UNAVAILABLE when the cache service has not started. */
  store(): Promise<FieldStore>
  flights: Flights
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
  notes(): Promise<Notes>
}

/** What watches the fields and keeps notes of what was begun by hand. */
export interface WatchRuntime extends FieldRuntime {
  /** Rejects as `store` does. */
  notes(): Promise<ClaimedNotes>
  /** Rejects as `store` does. */
  inspection(): Promise<Inspection>
  /** Takes out of the words of an error what may not be shown: they can be those of a source. */
  clean(text: string): string
  /** What this process remembers of entries that it looked at, by the name of their place. */
  seen: Map<string, SeenEntry>
  /** The last refreshes by hand that this process has begun, by what they are for. */
  runs: Map<string, NotedRun>
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

export function fieldRuntime(): CronRuntime & AsideRuntime & WatchRuntime {
  const ports = processPorts()
  const memory = processMemory(ports.clock)
  return {
    ports,
    flights: processState('flights', createFlights),
    memos: memory.memos,
    copies: memory.copies,
    get reachability() {
      return processState('reachability', () => createReachability(commandPatience(), ports.clock))
    },
    deployment: deploymentName(),
    // Read when something is refreshed: a hit needs no configuration.
    get refreshTimeoutMs() {
      return refreshConfig().refreshTimeoutMs
    },
    get cipherFor() {
      return memory.cipherFor
    },
    get batchSize() {
      return batchSize()
    },
    async store() {
      const { fieldStore, notes } = await cacheService()
      return withCompanions(fieldStore, notes, processState('companions', createCompanions), ports.clock)
    },
    clean: (text) => createScrubber(process.env)(text),
    seen: processState('seen entries', () => new Map()),
    runs: processState('noted runs', () => new Map()),
    inspection: async () => (await cacheService()).inspection,
    locks: async () => (await cacheService()).lock,
    notes: async () => (await cacheService()).notes,
    removeByPattern: async (glob) => {
      const removed = await (await cacheService()).attempt((redis) => redis.deleteByPattern(glob))
      if (removed.ok) return removed.value
      throw removed.error
    },
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

/** Asks the store after the answer. No caller waits for it, so there is none that an error of the framework could steer. */
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

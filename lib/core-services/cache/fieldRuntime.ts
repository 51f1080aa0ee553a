/** What the read path and the refresh path of fields need, bound to this process; tests bind their own. */

import { deploymentName, memoryMaxBytes, refreshConfig } from '../../config/appConfig'
import { batchSize, commandPatience, keyConfig } from '../../config/cacheConfig'
import { encryptionKeys } from '../../config/encryptionConfig'
import { createScrubber } from '../../scrub'
import { serviceRegistry } from '../service-registry'
import type { CacheService } from './cacheService'
import { type CipherFor, createCipherFor } from './engine/cipher'
import { type Copies, createCopies } from './engine/copies'
import { cacheUnavailable, hasCode, isRedisFailure } from './engine/errors'
import type { FieldStore } from './engine/fieldStore'
import { createFlights, type Flights } from './engine/flights'
import type { Inspection } from './engine/inspection'
import type { Locks } from './engine/lock'
import { createMemos, type Memos } from './engine/memos'
import type { ClaimedNotes, Notes } from './engine/notes'
import { type Ports, processPorts } from './engine/ports'
import { processState } from './engine/processState'
import { createReachability, type Reachability } from './engine/reachability'
import '../serviceLoader'
import type { SeenEntry } from './fieldStates'
import type { NotedRun } from './refreshNotes'

export interface FieldRuntime {
  /** Rejects with CACHE_UNAVAILABLE when the cache service has not started. */
  store(): Promise<FieldStore>
  flights: Flights
  memos: Memos
  /** The memory layer. */
  copies: Copies
  /** Whether Redis answers this process. */
  reachability: Reachability
  ports: Ports
  /** Absent without a key for encryption. */
  cipherFor?: CipherFor | undefined
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
  /** Rejects with a REDIS_ error: nobody takes a failure for an empty answer. */
  keysByPattern(glob: string): Promise<string[]>
}

/** What the cache-aside face needs besides. */
export interface AsideRuntime extends PatternRuntime {
  /** How many keys one call of the source is asked for at most. */
  batchSize: number
}

export function fieldRuntime(): CronRuntime & AsideRuntime & WatchRuntime {
  const ports = processPorts()
  return {
    ports,
    flights: processState('flights', createFlights),
    memos: processState('memos', createMemos),
    copies: processState('copies', () => createCopies(memoryMaxBytes(), ports.clock)),
    get reachability() {
      return processState('reachability', () => createReachability(commandPatience(), ports.clock))
    },
    deployment: deploymentName(),
    // Read when something is refreshed: a hit needs no configuration.
    get refreshTimeoutMs() {
      return refreshConfig().refreshTimeoutMs
    },
    get cipherFor() {
      return processState('cipher', processCipher)
    },
    get batchSize() {
      return batchSize()
    },
    store: async () => (await cacheService()).fieldStore,
    clean: (text) => createScrubber(process.env)(text),
    seen: processState('seen entries', () => new Map()),
    runs: processState('noted runs', () => new Map()),
    inspection: async () => (await cacheService()).inspection,
    locks: async () => (await cacheService()).lock,
    notes: async () => (await cacheService()).notes,
    keysByPattern: async (glob) => {
      const found = await (await cacheService()).attempt((redis) => redis.keysByPattern(glob))
      if (found.ok) return found.value
      throw found.error
    },
  }
}

/** Undefined as well when the keys are unusable: boot has told so, and whoever goes on all the same stores nothing. */
function processCipher(): CipherFor | undefined {
  try {
    const [first, ...others] = encryptionKeys()
    const { keyPrefix, keyVersion } = keyConfig()
    return first && createCipherFor([first, ...others], `${keyPrefix} ${keyVersion}`)
  } catch (error) {
    if (hasCode(error, 'CONFIG_INVALID')) return undefined
    throw error
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

/** What a server process brings to fields, with ports of its own: for tests, which may start several in one process. */

import { CacheService } from '../core-services/cache/cacheService'
import { createCipherFor } from '../core-services/cache/entry/encryption'
import type { AsideRuntime, CronRuntime } from '../core-services/cache/fields/fieldRuntime'
import { createMemos } from '../core-services/cache/fields/memory/fieldMemo'
import { createCopies } from '../core-services/cache/fields/memory/memoryCache'
import type { WatchRuntime } from '../core-services/cache/operations/watchRuntime'
import { createReachability } from '../core-services/cache/redis/transport/reachability'
import type { CacheConfig } from '../core-services/cache/settings/cacheConfig'
import { defaultPorts, type Ports } from '../shared/ports'
import { createFlights } from '../shared/singleFlight'
import { type RecordedEvents, recordEvents } from './events'

/** Settings of tests: those of the app, but for a breaker that is probed soon and locks that are not waited for long. */
export const testSettings: CacheConfig = {
  url: 'http://redis.test',
  token: 'the-secret-token',
  urlName: 'UPSTASH_REDIS_REST_URL',
  tokenName: 'UPSTASH_REDIS_REST_TOKEN',
  keyPrefix: 'test',
  keyVersion: 'v1',
  keySeparator: ':',
  maxKeyLength: 250,
  commandTimeoutMs: 250,
  commandHardTimeoutMs: 1_500,
  slowCommandMs: 100,
  batchSize: 100,
  breaker: { failureThreshold: 5, windowMs: 300_000, recoveryMs: 60_000, halfOpenProbes: 3 },
  lock: { ttlSeconds: 30, retryDelay: 100, retryCount: 3 },
}

export interface FieldProcessOptions {
  ports?: Partial<Ports>
  /** Memory for values, in bytes; 0 turns it off. */
  memory?: number
  /** Tells this release of the app from others. */
  deployment?: string
  /** The first one encrypts; without any the process has no key. */
  encryptionKeys?: Parameters<typeof createCipherFor>[0]
}

export interface FieldProcess {
  cache: CacheService
  /** What functions over fields take as their last argument. */
  runtime: CronRuntime & AsideRuntime & WatchRuntime
  events: RecordedEvents
}

export async function startFieldProcess(
  config: CacheConfig,
  { ports, memory = 10_000_000, deployment = 'test', encryptionKeys }: FieldProcessOptions = {},
): Promise<FieldProcess> {
  const events = recordEvents()
  const allPorts = { ...defaultPorts, emit: events.emit, ...ports }
  const cache = new CacheService(
    () => config,
    allPorts,
    () => started.runtime,
  )
  await cache.initialize()
  const started: FieldProcess = {
    cache,
    events,
    runtime: {
      store: async () => cache.fieldStore,
      locks: async () => cache.lock,
      notes: async () => cache.notes,
      inspection: async () => cache.inspection,
      clean: (text) => text,
      seen: new Map(),
      runs: new Map(),
      removeByPattern: async (glob) => {
        const removed = await cache.attempt((redis) => redis.deleteByPattern(glob))
        if (removed.ok) return removed.value
        throw removed.error
      },
      batchSize: config.batchSize,
      flights: createFlights(),
      memos: createMemos(),
      copies: createCopies(memory, allPorts.clock),
      reachability: createReachability(
        { softMs: config.commandTimeoutMs, hardMs: config.commandHardTimeoutMs },
        allPorts.clock,
      ),
      cipherFor:
        encryptionKeys && createCipherFor(encryptionKeys, `${config.keyPrefix} ${config.keyVersion}`),
      deployment,
      ports: allPorts,
      refreshTimeoutMs: 5_000,
    },
  }
  return started
}

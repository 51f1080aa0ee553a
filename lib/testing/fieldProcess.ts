/** The cache and the fields of one server process, with ports of its own. A test may start several in one process. */

import { CacheService } from '../core-services/cache/cacheService'
import { createCipherFor } from '../core-services/cache/entry/encryption'
import { type FieldAnswer, type Force, readFieldCache } from '../core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '../core-services/cache/fields/fieldConfig'
import type { AsideRuntime, CronRuntime } from '../core-services/cache/fields/fieldRuntime'
import { createHints } from '../core-services/cache/fields/memory/fieldHints'
import { createMemoryCache } from '../core-services/cache/fields/memory/memoryCache'
import type { WatchRuntime } from '../core-services/cache/operations/watchRuntime'
import { createReachability } from '../core-services/cache/redis/transport/reachability'
import { createServiceRuntime } from '../core-services/cache/serviceRuntime'
import type { CacheConfig } from '../core-services/cache/settings/cacheConfig'
import type { Clock } from '../shared/clock'
import { defaultPorts, type Ports } from '../shared/ports'
import { createSingleFlight } from '../shared/singleFlight'
import { type RecordedEvents, recordEvents } from './events'

/** The app's default settings, over a Redis that no network reaches. */
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
  /** Replaces single ports, such as the clock or `fetch`. */
  ports?: Partial<Ports>
  /**
   * Memory for values, in bytes; 0 turns it off.
   * @default 10_000_000
   */
  memory?: number
  /**
   * The release of the app that this process runs.
   * @default 'test'
   */
  deployment?: string
  /**
   * Keys for fields with `advanced.encrypt`. The first one encrypts, all of them decrypt.
   * @default none: such a field cannot be stored
   */
  encryptionKeys?: Parameters<typeof createCipherFor>[0]
}

export interface FieldProcess {
  cache: CacheService
  /** The last argument of the functions over fields, such as `readFieldCache`. */
  runtime: CronRuntime & AsideRuntime & WatchRuntime
  events: RecordedEvents
  /** Reads a field as the app does. @default 'never' for `force` */
  read<T>(config: FieldCacheConfig<T>, force?: Force): Promise<FieldAnswer<T>>
}

type EmptyMemory = Pick<FieldProcess['runtime'], 'singleFlight' | 'hints' | 'memoryCache' | 'reachability'>

/** What a process has in its memory: nothing yet. `memory`: bytes for values. */
export function createEmptyMemory(
  { commandTimeoutMs, commandHardTimeoutMs }: Pick<CacheConfig, 'commandTimeoutMs' | 'commandHardTimeoutMs'>,
  memory: number,
  clock: Clock,
): EmptyMemory {
  return {
    singleFlight: createSingleFlight(),
    hints: createHints(),
    memoryCache: createMemoryCache(memory, clock),
    reachability: createReachability({ softMs: commandTimeoutMs, hardMs: commandHardTimeoutMs }, clock),
  }
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
    read: (config, force = 'never') => readFieldCache(config, force, started.runtime),
    runtime: {
      store: async () => cache.fieldStore,
      clean: (text) => text,
      seen: new Map(),
      runs: new Map(),
      ...createServiceRuntime(async () => cache),
      batchSize: config.batchSize,
      ...createEmptyMemory(config, memory, allPorts.clock),
      cipherFor:
        encryptionKeys && createCipherFor(encryptionKeys, `${config.keyPrefix} ${config.keyVersion}`),
      deployment,
      ports: allPorts,
      refreshTimeoutMs: 5_000,
    },
  }
  return started
}

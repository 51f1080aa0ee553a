/** The cache and the fields of one server process, with ports of its own. A test may start several in one process. */

import { CacheService } from '../core-services/cache/cacheService'
import { createCipherFor } from '../core-services/cache/entry/encryption'
import { type FieldAnswer, type Force, readFieldCache } from '../core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '../core-services/cache/fields/fieldConfig'
import { createRuntime, type ProcessRuntime, type RuntimeParts } from '../core-services/cache/runtime'
import type { CacheConfig } from '../core-services/cache/settings/cacheConfig'
import { defaultPorts, type Ports } from '../shared/ports'
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
  runtime: ProcessRuntime
  events: RecordedEvents
  /** Reads a field as the app does. @default 'never' for `force` */
  read<T>(config: FieldCacheConfig<T>, force?: Force): Promise<FieldAnswer<T>>
}

/** What a process remembers, by the names of members of its runtime. */
type Slots = Map<keyof ProcessRuntime, unknown>

/** Keeps what a process remembers in slots of its own. */
export function rememberIn(slots: Slots = new Map()): RuntimeParts['remember'] {
  return <T>(member: keyof ProcessRuntime, create: () => T) => {
    if (!slots.has(member)) slots.set(member, create())
    return slots.get(member) as T
  }
}

export async function startFieldProcess(
  config: CacheConfig,
  options?: FieldProcessOptions,
): Promise<FieldProcess> {
  return (await startForgetfulProcess(config, options)).started
}

/** `forget` empties the memory of the process. */
export async function startForgetfulProcess(
  config: CacheConfig,
  { ports, memory = 10_000_000, deployment = 'test', encryptionKeys }: FieldProcessOptions = {},
): Promise<{ started: FieldProcess; slots: Slots; forget(): void }> {
  const events = recordEvents()
  const slots: Slots = new Map()
  const parts: RuntimeParts = {
    ports: { ...defaultPorts, emit: events.emit, ...ports },
    settings: {
      deployment,
      refreshTimeoutMs: 5_000,
      batchSize: config.batchSize,
      memoryBytes: memory,
      patience: { softMs: config.commandTimeoutMs, hardMs: config.commandHardTimeoutMs },
      cipherFor:
        encryptionKeys && createCipherFor(encryptionKeys, `${config.keyPrefix} ${config.keyVersion}`),
    },
    remember: rememberIn(slots),
    services: async () => cache,
    clean: (text) => text,
  }
  // A copy, in which a test may replace members.
  const runtime = { ...createRuntime(parts) }
  const cache = new CacheService(
    () => config,
    parts.ports,
    () => runtime,
  )
  await cache.initialize()
  return {
    started: {
      cache,
      events,
      runtime,
      read: (field, force = 'never') => readFieldCache(field, force, runtime),
    },
    slots,
    forget() {
      slots.clear()
      const fresh = { ...createRuntime(parts) }
      for (const member of slots.keys()) Object.assign(runtime, { [member]: fresh[member] })
    },
  }
}

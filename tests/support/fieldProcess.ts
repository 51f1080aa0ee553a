import { beforeEach } from 'vitest'
import type { CacheConfig } from '@/lib/config/cacheConfig'
import { createCipherFor } from '@/lib/core-services/cache/engine/cipher'
import { createCopies } from '@/lib/core-services/cache/engine/copies'
import { decodeEntry, type Entry } from '@/lib/core-services/cache/engine/entry'
import type { FieldCacheConfig } from '@/lib/core-services/cache/engine/fieldConfig'
import { createFlights } from '@/lib/core-services/cache/engine/flights'
import { createMemos } from '@/lib/core-services/cache/engine/memos'
import { defaultPorts, type Ports } from '@/lib/core-services/cache/engine/ports'
import type {
  AsideRuntime,
  CronRuntime,
  FieldRuntime,
  WatchRuntime,
} from '@/lib/core-services/cache/fieldRuntime'
import { cacheFor } from './cache'
import type { RecordedEvents } from './events'
import type { TestRedis } from './testRedis'

export interface FieldProcess {
  runtime: CronRuntime & AsideRuntime & WatchRuntime
  events: RecordedEvents
}

export interface FieldProcessOptions {
  ports?: Partial<Ports>
  cache?: Partial<CacheConfig>
  /** In bytes. */
  memory?: number
  deployment?: string
  /** The first one encrypts; without any the process has no key. */
  encryptionKeys?: Parameters<typeof createCipherFor>[0]
}

/** What a server process brings to fields: flights and a connection of its own, over a Redis that may be shared. */
export async function startFieldProcess(
  redis: { url: string; token: string },
  {
    ports,
    cache: settings,
    memory = 10_000_000,
    deployment = 'test',
    encryptionKeys,
  }: FieldProcessOptions = {},
): Promise<FieldProcess> {
  const { cache, events } = cacheFor(redis, settings, ports)
  const allPorts = { ...defaultPorts, emit: events.emit, ...ports }
  await cache.initialize()
  return {
    events,
    runtime: {
      store: async () => cache.fieldStore,
      locks: async () => cache.lock,
      notes: async () => cache.notes,
      inspection: async () => cache.inspection,
      seen: new Map(),
      runs: new Map(),
      keysByPattern: async (glob) => {
        const found = await cache.attempt((redis) => redis.keysByPattern(glob))
        if (found.ok) return found.value
        throw found.error
      },
      batchSize: 100,
      flights: createFlights(),
      memos: createMemos(),
      copies: createCopies(memory, allPorts.clock),
      cipherFor: encryptionKeys && createCipherFor(encryptionKeys, 'test v1'),
      deployment,
      ports: allPorts,
      refreshTimeoutMs: 5_000,
    },
  }
}

/** A process over an emptied Redis for each test of a file; its members are those of the current test's process. */
export function processForEachTest(redis: Omit<TestRedis, 'stop'>): FieldProcess {
  const current = {} as FieldProcess
  beforeEach(async () => {
    await redis.flush()
    Object.assign(current, await startFieldProcess(redis))
    redis.upstash.resetCounters()
  })
  return current
}

export function field<T>(
  fetcher: FieldCacheConfig<T>['fetcher'],
  rest: Partial<FieldCacheConfig<T>> = {},
): FieldCacheConfig<T> {
  return { name: 'agents', key: 'agents_list', ttl: 60, memoryTtl: 0, fetcher, ...rest }
}

/** What stands in Redis under a field's key, whether it is valid or not. */
export async function storedEntry(runtime: FieldRuntime, key: string): Promise<Entry | null> {
  const store = await runtime.store()
  const name = store.names.entry(key)
  const text = (await store.read([name])).get(name)
  return text === null ? null : decodeEntry(text)
}

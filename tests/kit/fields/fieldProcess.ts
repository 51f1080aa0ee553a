import { beforeEach, type Mock, vi } from 'vitest'
import { decodeEntry, type Entry } from '@/lib/core-services/cache/entry/entry'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import type { FieldRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import type { CacheConfig } from '@/lib/core-services/cache/settings/cacheConfig'
import {
  type FieldProcess,
  startFieldProcess as startProcess,
  type FieldProcessOptions as WithoutSettings,
} from '@/lib/testing/fieldProcess'
import type { TestRedis } from '../redis/testRedis'
import { settings } from './cache'

export type { FieldProcess }

export interface FieldProcessOptions extends WithoutSettings {
  cache?: Partial<CacheConfig>
}

/** What a server process brings to fields: flights and a connection of its own, over a Redis that may be shared. */
export function startFieldProcess(
  { url, token }: { url: string; token: string },
  { cache, ...options }: FieldProcessOptions = {},
): Promise<FieldProcess> {
  return startProcess({ ...settings, url, token, ...cache }, options)
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

/** A source that tells how often it was asked, and its field. */
export function countingField(rest: Partial<FieldCacheConfig<number>> = {}): {
  fetcher: Mock<() => Promise<number>>
  config: FieldCacheConfig<number>
} {
  const fetcher: Mock<() => Promise<number>> = vi.fn(async () => fetcher.mock.calls.length)
  return { fetcher, config: field(fetcher, { ttl: 600, ...rest }) }
}

/** What stands in Redis under a field's key, whether it is valid or not. */
export async function storedEntry(runtime: FieldRuntime, key: string): Promise<Entry | null> {
  const store = await runtime.store()
  const name = store.names.entry(key)
  const text = (await store.read([name])).get(name)
  return text === null ? null : decodeEntry(text)
}

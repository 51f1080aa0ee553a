/**
 * A cache for tests: the shipped CacheService and field code over a Redis in memory, without network, with a clock that
 * the test moves and a Redis that fails when the test says so.
 */

import type { CacheConfig } from '../core-services/cache/settings/cacheConfig'
import { type RegistryState, serviceRegistry } from '../core-services/service-registry'
import { processPorts } from '../shared/ports'
import { processState, setProcessState } from '../shared/processState'
import '../core-services/serviceLoader'
import { type AlarmClock, alarmClock } from './clock'
import {
  createEmptyMemory,
  type FieldProcess,
  type FieldProcessOptions,
  startFieldProcess,
  testSettings,
} from './fieldProcess'
import { createMemoryUpstash } from './memoryUpstash'

export interface TestCacheOptions extends FieldProcessOptions {
  /** Settings that differ from those of the app, such as `{ batchSize: 10 }`. */
  cache?: Partial<CacheConfig>
}

export interface TestCache extends FieldProcess {
  /**
   * Stands still, from the real time on, until `advance(milliseconds)` moves it: then keys expire, values get old, and
   * whoever sleeps for a lock, a lease or a soft deadline wakes. Deadlines of sources run in real time.
   */
  clock: AlarmClock
  /** Redis refuses connections: reads go uncached, invalidations throw, and after five failures the circuit opens. */
  down(): void
  /** Each answer of Redis moves the clock on by so many ms; from 1,500 on (`commandHardTimeoutMs`) it fails instead. */
  slow(milliseconds: number): void
  /** Redis answers again. A circuit that has opened is probed a minute later, by the clock, as in production. */
  up(): void
  /** What was asked of Redis since the start or the last reset: requests, and commands as Upstash bills them. */
  readonly counters: { readonly requests: number; readonly commands: number }
  /** Another process over the same Redis: a second instance, or another release of the app. */
  another(options?: TestCacheOptions): Promise<FieldProcess>
  /** Resolves when what runs after answers, such as the refresh of a stale value, has ended. */
  backgroundWork(): Promise<void>
  /** Everything is forgotten, and Redis works; the clock stays. For `beforeEach`. */
  reset(): void
  /**
   * From now on every read of this process goes to this cache: `getFieldCache(config)`, `cacheAside`, `refreshCache`,
   * `invalidateTags`, `serviceRegistry.getService('cache')`. A test file has its process to itself.
   */
  install(): void
}

export async function createTestCache({
  cache: settings,
  ports,
  memory = 10_000_000,
  ...rest
}: TestCacheOptions = {}): Promise<TestCache> {
  const clock = alarmClock(Date.now())
  const config = { ...testSettings, ...settings }
  const upstash = createMemoryUpstash(clock, config.commandHardTimeoutMs)
  const background = new Set<Promise<void>>()
  const defer = (work: () => Promise<void>): void => {
    const running = work().finally(() => background.delete(running))
    background.add(running)
  }
  const shared = { clock, defer, fetch: upstash.fetch }
  const started = await startFieldProcess(config, { ...rest, memory, ports: { ...shared, ...ports } })
  const { cache, runtime, events } = started
  let installed = false
  let before = { requests: 0, commands: 0 }
  const counted = () => ({ requests: upstash.requests, commands: upstash.redis.executed })

  function share(): void {
    for (const slot of ['singleFlight', 'hints', 'memoryCache', 'reachability'] as const)
      setProcessState(slot, runtime[slot])
    setProcessState('cipher', runtime.cipherFor)
  }

  function reset(): void {
    upstash.up()
    upstash.redis.clear()
    cache.breaker.reset()
    Object.assign(runtime, createEmptyMemory(config, memory, clock))
    if (installed) share()
    events.all.length = 0
    before = counted()
  }

  reset()
  return {
    ...started,
    clock,
    down: upstash.down,
    slow: upstash.slow,
    up: upstash.up,
    get counters() {
      const { requests, commands } = counted()
      return { requests: requests - before.requests, commands: commands - before.commands }
    },
    another: ({ cache: others, ports: own, ...options } = {}) =>
      startFieldProcess({ ...config, ...others }, { ...options, ports: { ...shared, ...own } }),
    async backgroundWork() {
      while (background.size > 0) await Promise.all(background)
    },
    reset,
    install() {
      installed = true
      setProcessState('ports', { ...processPorts(), ...runtime.ports })
      processState<RegistryState>('services', () => new Map()).delete('cache')
      serviceRegistry.register('cache', cache)
      share()
    },
  }
}

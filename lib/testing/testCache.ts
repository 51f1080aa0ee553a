/**
 * A cache for tests: the shipped CacheService and field code over a Redis in memory, without a network. The test moves the
 * clock, and decides when Redis fails.
 */

import type { CacheConfig } from '../core-services/cache/settings/cacheConfig'
import { type RegistryState, serviceRegistry } from '../core-services/service-registry'
import { processPorts } from '../shared/ports'
import { processState, setProcessState } from '../shared/processState'
import '../core-services/serviceLoader'
import { type AlarmClock, alarmClock } from './clock'
import {
  type FieldProcess,
  type FieldProcessOptions,
  startFieldProcess,
  startForgetfulProcess,
  testSettings,
} from './fieldProcess'
import { createMemoryUpstash } from './memoryUpstash'

export interface TestCacheOptions extends FieldProcessOptions {
  /**
   * Settings that differ from the app's defaults, such as `{ batchSize: 10 }`.
   * @default {}
   */
  cache?: Partial<CacheConfig>
}

export interface TestCache extends FieldProcess {
  /**
   * Starts at the real time and stands still until `advance(milliseconds)` moves it: keys then expire, values get older,
   * and waits for a lock, a lease or a soft deadline end. Deadlines of sources run in real time.
   */
  clock: AlarmClock
  /** Redis refuses connections: reads go uncached, invalidations throw, and after five failures the circuit opens. */
  down(): void
  /** Each answer of Redis moves the clock forward by this many ms. From 1,500 ms (`commandHardTimeoutMs`) it fails. */
  slow(milliseconds: number): void
  /** Redis answers again. A circuit that has opened is probed a minute later, by the clock, as in production. */
  up(): void
  /** Requests to Redis and commands, as Upstash bills them, since the start or the last reset. */
  readonly counters: { readonly requests: number; readonly commands: number }
  /** Another process over the same Redis: a second instance, or another release of the app. */
  another(options?: TestCacheOptions): Promise<FieldProcess>
  /** Resolves when all background work has ended, such as the refresh of a stale value. */
  backgroundWork(): Promise<void>
  /** Empties Redis, the memory and the counters, and lets Redis work. The clock stays. For `beforeEach`. */
  reset(): void
  /**
   * Makes this the cache of the process: `getFieldCache(config)`, `cacheAside`, `refreshCache`, `invalidateTags` and
   * `serviceRegistry.getService('cache')` use it from now on. Test files do not share a process.
   */
  install(): void
}

export async function createTestCache({
  cache: settings,
  ports,
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
  const { started, slots, forget } = await startForgetfulProcess(config, {
    ...rest,
    ports: { ...shared, ...ports },
  })
  const { cache, runtime, events } = started
  let installed = false
  let before = { requests: 0, commands: 0 }
  const counted = () => ({ requests: upstash.requests, commands: upstash.redis.executed })

  function share(): void {
    for (const [slot, value] of slots) setProcessState(slot, value)
  }

  function reset(): void {
    upstash.up()
    upstash.redis.clear()
    cache.breaker.reset()
    forget()
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

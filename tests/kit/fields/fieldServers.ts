import { beforeEach } from 'vitest'
import type { FieldAnswer, Force } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { systemClock } from '@/lib/shared/clock'
import type { TestRedis } from '../redis/testRedis'
import { type FieldProcess, type FieldProcessOptions, startFieldProcess } from './fieldProcess'

/** Processes over one Redis, with clocks that only differ from real ones by what a test has let pass. */
export interface FieldServers {
  readonly here: FieldProcess
  readonly there: FieldProcess
  start(options?: FieldProcessOptions): Promise<FieldProcess>
  read<T>(config: FieldCacheConfig<T>, server?: FieldProcess, force?: Force): Promise<FieldAnswer<T>>
  /** Lets time pass for all of them, in s. */
  pass(seconds: number): void
  /** Lets time pass that processes which stand still do not notice by their monotonic clock, in s. */
  freeze(seconds: number): void
  finishDeferredWork(): Promise<void>
  /** Commands and requests of Redis that something costs, and the bytes of the answers. */
  costOf(run: () => Promise<unknown>): Promise<{ commands: number; requests: number; bytes: number }>
}

/** Shorter sleeps are polls. */
const PATIENCE_MS = 1_000

/** Two servers over an emptied Redis for each test of a file. */
export function serversForEachTest(redis: Omit<TestRedis, 'stop'>): FieldServers {
  let passed = 0
  let frozen = 0
  let deferred: (() => Promise<void>)[] = []
  const current = {} as { here: FieldProcess; there: FieldProcess }
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + (passed + frozen) * 1000,
    monotonic: () => systemClock.monotonic() + passed * 1000,
    // Polls are there to spare Redis, not for tests to wait for; with less patience a slow machine would be an outage.
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      systemClock.sleep(milliseconds < PATIENCE_MS ? Math.min(milliseconds, 20) : milliseconds, signal),
  }
  const defer = (work: () => Promise<void>) => {
    deferred.push(work)
  }
  const start = ({ ports, ...options }: FieldProcessOptions = {}) =>
    startFieldProcess(redis, { ...options, ports: { clock, defer, ...ports } })

  beforeEach(async () => {
    await redis.flush()
    passed = 0
    frozen = 0
    deferred = []
    current.here = await start()
    current.there = await start()
    redis.upstash.resetCounters()
  })

  return {
    get here() {
      return current.here
    },
    get there() {
      return current.there
    },
    start,
    read: (config, server = current.here, force = 'never') => server.read(config, force),
    pass(seconds) {
      passed += seconds
    },
    freeze(seconds) {
      frozen += seconds
    },
    async finishDeferredWork() {
      const work = deferred
      deferred = []
      await Promise.all(work.map((run) => run()))
    },
    async costOf(run) {
      redis.upstash.resetCounters()
      await run()
      const { commands, requests, bytesOut: bytes } = redis.upstash.counters
      return { commands, requests, bytes }
    },
  }
}

/**
 * What is promised of a cache is promised of two: the shipped CacheService before a Redis server, and the one of
 * lib/testing that the tests of users import. A suite that is run by this runs on both.
 */
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest'
import { systemClock } from '@/lib/shared/clock'
import { createTestCache, type TestCache } from '@/lib/testing/testCache'
import { sendOnce } from '@/local/engine/sendOnce'
import { startTestRedis, type TestRedis } from '../redis/testRedis'
import { type FieldProcess, type FieldProcessOptions, startFieldProcess } from './fieldProcess'

export interface CacheUnderSuite {
  /** A process over the Redis of this suite; two of them share what is stored. */
  start(options?: FieldProcessOptions): Promise<FieldProcess>
  /** Lets time pass for the processes, in s. */
  pass(seconds: number): void
  /** Lets time pass in Redis, in ms. */
  passInRedis(milliseconds: number): Promise<void>
  /** What runs after answers has ended. */
  backgroundWork(): Promise<void>
  down(): Promise<void>
  /** Resolves once the process gets answers again. */
  up(process: FieldProcess): Promise<void>
  /** What something brings, and how many HTTP requests it costs. */
  counted<T>(run: () => Promise<T>): Promise<{ value: T; requests: number }>
}

export function onEachCache(suite: (cache: CacheUnderSuite) => void): void {
  describe('with a Redis server', () => suite(overServer()))
  describe('with the Redis in memory', () => suite(overMemory()))
}

function overServer(): CacheUnderSuite {
  const current = {} as { redis: TestRedis }
  let passedMs = 0
  const background = new Set<Promise<void>>()
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + passedMs,
    monotonic: () => systemClock.monotonic() + passedMs,
  }
  const defer = (work: () => Promise<void>) => {
    const running = work().finally(() => background.delete(running))
    background.add(running)
  }
  beforeAll(async () => {
    current.redis = await startTestRedis()
  })
  beforeEach(async () => {
    await current.redis.flush()
    passedMs = 0
  })
  afterAll(() => current.redis.stop())
  return {
    start: ({ ports, ...options } = {}) =>
      startFieldProcess(current.redis, { ...options, ports: { clock, defer, ...ports } }),
    pass: (seconds) => {
      passedMs += seconds * 1_000
    },
    passInRedis: (milliseconds) => shortenLives(current.redis.engine.url, milliseconds),
    async backgroundWork() {
      while (background.size > 0) await Promise.all(background)
    },
    down: () => current.redis.killEngine(),
    async up({ cache }) {
      await current.redis.reviveEngine()
      await expect.poll(() => cache.attempt((commands) => commands.ping())).toMatchObject({ ok: true })
    },
    async counted(run) {
      current.redis.upstash.resetCounters()
      return { value: await run(), requests: current.redis.upstash.counters.requests }
    },
  }
}

/** Takes from every key that expires what `milliseconds` would take; a key that has no more left is gone at once. */
async function shortenLives(url: string, milliseconds: number): Promise<void> {
  const names = Object.values(Object(await sendOnce(url, ['KEYS', '*']))).map(String)
  for (const name of names) {
    const left = Number(await sendOnce(url, ['PTTL', name]))
    if (left >= 0) await sendOnce(url, ['PEXPIRE', name, String(left - milliseconds)])
  }
}

function overMemory(): CacheUnderSuite {
  const current = {} as { test: TestCache }
  beforeAll(async () => {
    current.test = await createTestCache()
  })
  beforeEach(() => current.test.reset())
  return {
    start: (options) => current.test.another(options),
    pass: (seconds) => current.test.clock.advance(seconds * 1_000),
    passInRedis: async (milliseconds) => current.test.clock.advance(milliseconds),
    backgroundWork: () => current.test.backgroundWork(),
    down: async () => current.test.down(),
    async up({ cache }) {
      current.test.up()
      // The circuit is probed after a pause, by the first caller.
      current.test.clock.advance(60_000)
      await cache.attempt((commands) => commands.ping())
      await current.test.backgroundWork()
      expect(await cache.attempt((commands) => commands.ping())).toMatchObject({ ok: true })
    },
    async counted(run) {
      const before = current.test.counters.requests
      return { value: await run(), requests: current.test.counters.requests - before }
    },
  }
}

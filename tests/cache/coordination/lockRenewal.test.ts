import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { systemClock } from '@/lib/shared/clock'
import { alarmClock } from '@/lib/testing/clock'
import type { RecordedEvents } from '@/lib/testing/events'
import { type Deferred, deferred } from '../../kit/clock/deferred'
import { cacheFor } from '../../kit/fields/cache'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const NAME = 'test:v1~lock:a'
let clock: ReturnType<typeof alarmClock>
let cache: CacheService
let events: RecordedEvents

beforeEach(async () => {
  await redis.flush()
  clock = alarmClock()
  const started = cacheFor(redis, {}, { clock })
  cache = started.cache
  events = started.events
  await cache.initialize()
  redis.upstash.resetCounters()
})

const sent = () => redis.upstash.counters.requests

/** Work under the lock `a`, for 30 s at a time, that ends when `gate` says so. */
async function startWork(): Promise<{
  gate: Deferred<string>
  signal: AbortSignal
  outcome: Promise<string>
}> {
  const gate = deferred<string>()
  const begun = deferred<AbortSignal>()
  const outcome = cache.lock.withLock(
    'a',
    ({ signal }) => {
      begun.resolve(signal)
      return gate.promise
    },
    30,
  )
  outcome.catch(() => undefined)
  return { gate, signal: await begun.promise, outcome }
}

/** Lets a third of the ttl pass and the extension that is due be answered. */
async function nextExtension(): Promise<void> {
  const before = sent()
  await expect.poll(() => clock.sleepers).toBe(1)
  clock.advance(10_000)
  await expect.poll(() => [sent(), clock.sleepers]).toEqual([before + 1, 1])
}

describe('work under a lock', () => {
  it('withLock returns the result of the work for two requests, and leaves no lock behind', async () => {
    expect(await cache.lock.withLock('a', async ({ token }) => token > 0)).toBe(true)
    expect(redis.upstash.counters).toMatchObject({ requests: 2, byCommand: { EVAL: 2 } })
    expect([await cache.redis.exists(NAME), cache.lock.held, clock.sleepers]).toEqual([0, [], 0])
  })

  it('withLock without a ttl takes that of the configuration', async () => {
    await cache.lock.withLock('a', async () => {
      const left = await cache.redis.pttl(NAME)
      expect(left).toBeGreaterThan(25_000)
      expect(left).toBeLessThanOrEqual(30_000)
    })
  })

  it('withLock releases the lock when the work fails, and rejects with its error', async () => {
    const broken = new Error('broken')
    const fail = () => {
      throw broken
    }
    await expect(cache.lock.withLock('a', fail)).rejects.toBe(broken)
    expect([await cache.redis.exists(NAME), clock.sleepers]).toEqual([0, 0])
  })

  it('withLock keeps the lock for as long as the work takes', async () => {
    const { gate, signal, outcome } = await startWork()
    for (let thirds = 0; thirds < 6; thirds += 1) {
      await cache.redis.pexpire(NAME, 20_000)
      await nextExtension()
      expect(await cache.redis.pttl(NAME)).toBeGreaterThan(20_000)
      expect(cache.lock.held).toEqual(['a'])
    }
    gate.resolve('done')
    expect(await outcome).toBe('done')
    expect(signal.aborted).toBe(false)
  })

  it('withLock aborts the signal when the lock is lost, and rejects with LOCK_LOST', async () => {
    const { gate, signal, outcome } = await startWork()
    await redis.flush()
    clock.advance(10_000)
    await expect.poll(() => signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST' })
    gate.resolve('done')
    await expect(outcome).rejects.toMatchObject({ code: 'LOCK_LOST' })
    expect(events.of('lock.lost')).toEqual([{ type: 'lock.lost', names: ['a'] }])
  })

  it('withLock rejects with LOCK_LOST when the lock is found lost only at the end', async () => {
    const { gate, outcome } = await startWork()
    await redis.flush()
    gate.resolve('done')
    await expect(outcome).rejects.toMatchObject({ code: 'LOCK_LOST' })
  })

  it('withLock rejects with LOCK_LOST when the process was frozen for longer than the ttl', async () => {
    const { gate, signal, outcome } = await startWork()
    const before = sent()
    clock.advance(30_000)
    await expect.poll(() => signal.aborted).toBe(true)
    expect(sent()).toBe(before)
    gate.resolve('done')
    await expect(outcome).rejects.toMatchObject({ code: 'LOCK_LOST' })
  })

  it('withLock survives a failed extension, and loses the lock when none succeeds within the ttl', async () => {
    const { gate, signal, outcome } = await startWork()
    await redis.upstash.faults.set({ kind: 'reset' })
    await nextExtension()
    await redis.upstash.faults.clear()
    await nextExtension()
    expect(events.of('redis.degraded')).toMatchObject([{ operation: 'lock.extend' }])
    await redis.upstash.faults.set({ kind: 'reset' })
    await nextExtension()
    await nextExtension()
    expect(signal.aborted).toBe(false)
    clock.advance(10_000)
    await expect.poll(() => signal.aborted).toBe(true)
    await redis.upstash.faults.clear()
    gate.resolve('done')
    await expect(outcome).rejects.toMatchObject({ code: 'LOCK_LOST' })
  })

  it('withLock does not wait for an extension beyond the ttl', async () => {
    const { gate, signal, outcome } = await startWork()
    await redis.upstash.faults.set({ kind: 'hang', times: 1 })
    clock.advance(10_000)
    await expect.poll(() => clock.sleepers).toBe(1)
    clock.advance(20_000)
    await expect.poll(() => signal.aborted).toBe(true)
    gate.resolve('done')
    await expect(outcome).rejects.toMatchObject({ code: 'LOCK_LOST' })
  })

  it('withLock succeeds when only the release fails, since the lock expires by itself', async () => {
    const { gate, outcome } = await startWork()
    await redis.upstash.faults.set({ kind: 'reset' })
    gate.resolve('done')
    expect(await outcome).toBe('done')
    await redis.upstash.faults.clear()
    expect(events.of('redis.degraded')).toMatchObject([{ operation: 'lock.release' }])
  })
})

describe('the clock of the process', () => {
  it('a sleep that is ended early leaves no timer behind', async () => {
    vi.useFakeTimers()
    const woken = new AbortController()
    const sleep = systemClock.sleep(60_000, woken.signal)
    expect(vi.getTimerCount()).toBe(1)
    woken.abort()
    await sleep
    await systemClock.sleep(60_000, woken.signal)
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })
})

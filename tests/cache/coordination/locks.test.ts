import { beforeEach, describe, expect, it } from 'vitest'
import type { Locks } from '@/lib/core-services/cache/coordination/locks'
import { systemClock } from '@/lib/shared/clock'
import type { Ports } from '@/lib/shared/ports'
import { cacheFor } from '../../kit/fields/cache'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const ONCE = { retryCount: 0 }
const PATIENT = { retryCount: 10_000, retryDelay: 5 }

async function startProcess(ports: Partial<Ports> = {}, commandHardTimeoutMs = 2_000) {
  const started = cacheFor(redis, { commandHardTimeoutMs }, ports)
  await started.cache.initialize()
  redis.upstash.resetCounters()
  return { ...started, locks: started.cache.lock }
}

let here: Locks
let there: Locks

beforeEach(async () => {
  await redis.flush()
  here = (await startProcess()).locks
  there = (await startProcess()).locks
})

const refused = (locks: Locks, ...names: string[]) =>
  expect(locks.acquireMany(names, 30, ONCE)).rejects.toMatchObject({ code: 'LOCK_NOT_ACQUIRED' })

describe('a lock', () => {
  it('a lock has one holder at a time over all processes', async () => {
    const lock = await here.acquire('critical:1')
    await refused(there, 'critical:1')
    await refused(here, 'critical:1')
    expect(await here.release(lock)).toBe(true)
    await there.acquire('critical:1', 30, ONCE)
  })

  it('taking, extending and releasing a lock costs one request each', async () => {
    const lock = await here.acquire('a')
    await here.extend(lock)
    await here.release(lock)
    expect(redis.upstash.counters).toMatchObject({ requests: 3, byCommand: { EVAL: 3 } })
  })

  it('a held lock is retried retryCount times with jitter, and the refusal says when to try again', async () => {
    await there.acquire('a')
    const slept: number[] = []
    const chances = [0, 0.5, 1]
    const { locks, events } = await startProcess({
      clock: { ...systemClock, sleep: async (milliseconds) => void slept.push(milliseconds) },
      random: () => chances.shift() ?? 0,
    })
    await expect(locks.acquire('a', 30, { retryCount: 3, retryDelay: 100 })).rejects.toMatchObject({
      code: 'LOCK_NOT_ACQUIRED',
      message: 'Another holder has the lock "a" (tried 4 times)',
      retryAfter: 1,
    })
    expect(slept).toEqual([50, 100, 150])
    expect(redis.upstash.counters.requests).toBe(4)
    expect(events.of('lock.refused')).toMatchObject([{ names: ['a'], attempts: 4 }])
  })

  it('the lock of a dead holder is free after its ttl, and the late holder cannot change it', async () => {
    const dead = await here.acquire('a', 0.05, PATIENT)
    const next = await there.acquire('a', 30, PATIENT)
    expect(next.token).toBeGreaterThan(dead.token)
    expect(await here.extend(dead)).toBe(false)
    expect(await here.release(dead)).toBe(false)
    await refused(here, 'a')
  })

  it('a lock is extended and released by its holder only', async () => {
    const lock = await here.acquire('a')
    const forged = { ...lock, holder: 'a stranger' }
    expect(await there.extend(forged)).toBe(false)
    expect(await there.release(forged)).toBe(false)
    await refused(there, 'a')
    expect(await there.extend({ ...lock }, 60)).toBe(true)
    expect(await there.release({ ...lock })).toBe(true)
  })

  it('an extended lock lasts as long as the extension says', async () => {
    const { cache, locks } = await startProcess()
    const lock = await locks.acquire('a', 5)
    const left = () => cache.redis.pttl('test:v1~lock:a')
    expect(await left()).toBeLessThanOrEqual(5_000)
    await locks.extend(lock, 3_600)
    expect(await left()).toBeGreaterThan(5_000)
    await locks.extend(lock)
    expect(await left()).toBeLessThanOrEqual(5_000)
  })

  it('a lock that is answered after its ttl is not held', async () => {
    let now = 0
    const { locks } = await startProcess({ clock: { ...systemClock, monotonic: () => (now += 1_000) } })
    await expect(locks.acquire('a', 0.5, ONCE)).rejects.toMatchObject({ code: 'LOCK_NOT_ACQUIRED' })
  })

  it.each([
    ['it has 0 names', [], 30, {}],
    ['its ttl is 0', ['a'], 0, {}],
    ['its ttl is NaN', ['a'], Number.NaN, {}],
    ['its ttl is 30000000', ['a'], 30_000_000, {}],
    ['retryCount is -1', ['a'], 30, { retryCount: -1 }],
    ['retryDelay is Infinity', ['a'], 30, { retryDelay: Number.POSITIVE_INFINITY }],
    ['it is empty', [''], 30, {}],
    ['250 at most', ['x'.repeat(250)], 30, {}],
  ])('a lock with wrong options is refused before a request: %s', async (message, names, ttl, options) => {
    await expect(here.acquireMany(names, ttl, options)).rejects.toMatchObject({
      code: expect.stringMatching(/^(LOCK|KEY)_INVALID$/),
      message: expect.stringContaining(message),
    })
    expect(redis.upstash.counters.requests).toBe(0)
  })
})

describe('the fencing token', () => {
  it("the fencing token grows with each lock of any name, so that a late holder's write can be refused", async () => {
    const written = { by: 0, value: '' }
    const write = (token: number, value: string) => {
      if (token >= written.by) Object.assign(written, { by: token, value })
    }
    const late = await here.acquire('a', 0.05, PATIENT)
    const next = await there.acquire('a', 30, PATIENT)
    const other = await here.acquire('b')
    expect([late.token, next.token, other.token]).toEqual([late.token, late.token + 1, late.token + 2])
    expect(Number.isSafeInteger(late.token)).toBe(true)
    write(next.token, 'of the next holder')
    write(late.token, 'of the late holder')
    expect(written.value).toBe('of the next holder')
  })

  it('a fencing token is never given twice to holders that take turns', async () => {
    const tokens: number[] = []
    let inside = 0
    const turn = (locks: Locks) =>
      locks.withLock(
        'a',
        async ({ token }) => {
          inside += 1
          expect(inside).toBe(1)
          tokens.push(token)
          await locks.countActive()
          inside -= 1
        },
        30,
        PATIENT,
      )
    await Promise.all([here, there, here, there, here, there].map(turn))
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
    expect(tokens).toHaveLength(6)
  })

  it('the fencing token grows on when the counter in Redis was lost', async () => {
    const before = await here.acquire('a')
    await redis.flush()
    const clock = { ...systemClock, now: () => Date.now() + 1_000 }
    const after = await (await startProcess({ clock })).locks.acquire('a')
    expect(after.token).toBeGreaterThan(before.token)
  })
})

describe('many locks', () => {
  it('many locks are taken together or not at all, each name once and in order', async () => {
    const lock = await here.acquireMany(['b', 'a', 'b'])
    expect(lock.names).toEqual(['a', 'b'])
    await refused(there, '0', 'b')
    await refused(there, 'a')
    await there.acquire('0', 30, ONCE)
    expect(await here.extend(lock)).toBe(true)
    expect(await here.release(lock)).toBe(true)
    await there.acquireMany(['a', 'b'], 30, ONCE)
  })

  it('many locks are lost together when one is, and the rest are released', async () => {
    const { cache, locks } = await startProcess()
    const lock = await locks.acquireMany(['a', 'b'])
    await cache.redis.del('test:v1~lock:a')
    expect(await locks.extend(lock)).toBe(false)
    expect(await locks.release(lock)).toBe(false)
    await there.acquire('b', 30, ONCE)
  })

  it('callers with many locks do not deadlock, in any order of names', async () => {
    const turns = Array.from({ length: 4 }, () => [
      here.withLock(['a', 'b'], async () => 'here', 30, PATIENT),
      there.withLock(['b', 'a'], async () => 'there', 30, PATIENT),
    ])
    expect(new Set(await Promise.all(turns.flat()))).toEqual(new Set(['here', 'there']))
  })

  it('locks can be counted: of this process without a request, of all by a walk', async () => {
    await here.acquireMany(['b', 'a'])
    await here.acquire('short', 0.05, PATIENT)
    const lock = await there.acquire('c')
    await expect.poll(() => here.held).toEqual(['a', 'b'])
    await expect.poll(() => here.countActive()).toBe(3)
    await there.release(lock)
    expect([here.held, there.held, await there.countActive()]).toEqual([['a', 'b'], [], 2])
  })
})

describe('when Redis fails', () => {
  it.each([
    ['its reply is lost', { kind: 'lost-reply', times: 1 }, 'REDIS_UNREACHABLE'],
    ['its reply and the one to the release are lost', { kind: 'lost-reply', times: 2 }, 'REDIS_UNREACHABLE'],
    ['its reply never comes', { kind: 'stall', times: 1 }, 'REDIS_TIMEOUT'],
  ] as const)('a lock that may have been taken is released at once: %s', async (_, fault, code) => {
    const { locks } = await startProcess({}, 100)
    await redis.upstash.faults.set(fault)
    await expect(locks.acquire('a')).rejects.toMatchObject({ code })
    await there.acquire('a', 30, PATIENT)
    expect(locks.held).toEqual([])
  })

  it('a lock that Redis certainly refused is not released', async () => {
    await redis.upstash.faults.set({ kind: 'quota', times: 1 })
    await expect(here.acquire('a')).rejects.toMatchObject({ code: 'REDIS_QUOTA' })
    await there.acquire('a', 30, ONCE)
    expect(redis.upstash.counters.requests).toBe(2)
  })

  it('a release with a lost reply is repeated, and counts as done', async () => {
    const lock = await here.acquire('a')
    await redis.upstash.faults.set({ kind: 'lost-reply', times: 1 })
    expect(await here.release(lock)).toBe(true)
    await there.acquire('a', 30, ONCE)
  })

  it('without Redis no lock is taken, extended or released', async () => {
    const lock = await here.acquire('a')
    const down = { code: expect.stringMatching(/^REDIS_/) }
    let worked = false
    await redis.killEngine()
    await expect(here.acquire('b')).rejects.toMatchObject(down)
    await expect(here.extend(lock)).rejects.toMatchObject(down)
    await expect(here.release(lock)).rejects.toMatchObject(down)
    const work = async () => {
      worked = true
    }
    await expect(there.withLock('c', work)).rejects.toMatchObject(down)
    expect(worked).toBe(false)
    await redis.reviveEngine()
  })
})

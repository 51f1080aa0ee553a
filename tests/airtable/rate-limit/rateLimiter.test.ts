import { beforeEach, describe, expect, it } from 'vitest'
import {
  type BaseState,
  createRateLimiter,
  type Permit,
  type RateLimiter,
} from '@/lib/core-services/airtable/rate-limit/rateLimiter'
import { createRateLimitStore } from '@/lib/core-services/airtable/rate-limit/rateLimitStore'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { systemClock } from '@/lib/shared/clock'
import { defaultPorts, type Ports } from '@/lib/shared/ports'
import { type RecordedEvents, recordEvents } from '@/lib/testing/events'
import { cacheFor } from '../../kit/fields/cache'
import { startLuaRedis } from '../../kit/redis/luaRedis'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()

interface Instance {
  limiter: RateLimiter
  cache: CacheService
  events: RecordedEvents
  /** How long it has slept each time, in ms; it does not really sleep. */
  slept: number[]
}

async function startInstance(clockPorts: Partial<Ports['clock']> = {}): Promise<Instance> {
  const { cache } = cacheFor(redis)
  await cache.initialize()
  const events = recordEvents()
  const slept: number[] = []
  const clock = {
    ...systemClock,
    sleep: async (milliseconds: number) => {
      slept.push(milliseconds)
    },
    ...clockPorts,
  }
  const limiter = createRateLimiter({
    store: async () => createRateLimitStore(cache.internals),
    pageTimeoutMs: 10_000,
    ports: { ...defaultPorts, clock, random: () => 0.5, emit: events.emit },
  })
  return { limiter, cache, events, slept }
}

let here: Instance
let there: Instance

beforeEach(async () => {
  await redis.flush()
  here = await startInstance()
  there = await startInstance()
  redis.upstash.resetCounters()
})

const evals = () => redis.upstash.counters.byCommand.EVAL ?? 0
const answered = { kind: 'answered', works: true } as const

function granted(permit: Permit): Extract<Permit, { granted: true }> {
  if (!permit.granted) throw new Error(`refused: ${permit.coolDown.why}`)
  return permit
}

async function takeMany({ limiter }: Instance, count: number, base = 'app1') {
  const permits = await Promise.all(Array.from({ length: count }, () => limiter.take(base)))
  return permits.map(granted)
}

/** Whether a call is still waiting at the end of the test's patience. */
async function isKeptWaiting({ limiter }: Instance, background = false): Promise<boolean> {
  const patience = new AbortController()
  const before = evals()
  const waiting = limiter.take('app1', { background, signal: patience.signal }).catch(() => 'gave up')
  await expect.poll(evals).toBeGreaterThan(before + 2)
  patience.abort()
  return (await waiting) === 'gave up'
}

describe('the rate limiter', () => {
  it('all instances together get five permits of a base, in one command each', async () => {
    await takeMany(here, 3)
    await takeMany(there, 2)
    expect(redis.upstash.counters).toMatchObject({ requests: 5, byCommand: { EVAL: 5 } })
    expect([...here.slept, ...there.slept]).toEqual([])
    expect(await isKeptWaiting(there)).toBe(true)
  })

  it('each base has its own permits', async () => {
    await takeMany(here, 5, 'app1')
    await takeMany(there, 5, 'app2')
    expect(there.slept).toEqual([])
  })

  it('a permit is free a little more than a second after the response', async () => {
    const [first] = await takeMany(here, 5)
    first?.settle(answered)
    await expect.poll(evals).toBe(6)
    here.slept.length = 0
    await takeMany(there, 1)
    expect(there.slept).toHaveLength(1)
    expect(there.slept[0]).toBeGreaterThan(0)
    expect(there.slept[0]).toBeLessThanOrEqual(1_026)
    expect(evals()).toBe(7)
  })

  it('a permit is given back and the next one taken in one command between two pages', async () => {
    for (let page = 1; page <= 3; page += 1) {
      const permit = granted(await here.limiter.take('app1'))
      permit.settle(answered)
    }
    await expect.poll(evals).toBe(4)
    expect(evals()).toBe(4)
  })

  it('the permit of an aborted request stays in use, because the request may still arrive', async () => {
    const permits = await takeMany(here, 5)
    for (const permit of permits) permit.settle({ kind: 'unanswered' })
    expect(await isKeptWaiting(there)).toBe(true)
  })

  it('background requests leave one permit to waiting callers', async () => {
    await takeMany(here, 4)
    expect(await isKeptWaiting(there, true)).toBe(true)
    await takeMany(there, 1)
  })

  it('an aborted call rejects with the reason of its signal', async () => {
    await takeMany(here, 5)
    const gone = new AbortController()
    const waiting = there.limiter.take('app1', { signal: gone.signal })
    gone.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
  })
})

const sorted = (states: BaseState[]) => states.toSorted((one, other) => one.base.localeCompare(other.base))

describe('what Upstash bills', () => {
  it('a page costs 4 billed commands, and giving back the last permit 4 more', async () => {
    const counted = await startLuaRedis()
    counted.reset(() => 1_000)
    const keys = createKeySpace({ prefix: 'test', version: 'v1', maxLength: 250 })
    const limiter = createRateLimiter({
      store: async () => createRateLimitStore({ send: counted.send, keys }),
      pageTimeoutMs: 10_000,
      ports: defaultPorts,
    })
    for (let page = 1; page <= 4; page += 1) granted(await limiter.take('app1')).settle(answered)
    await expect.poll(() => counted.billed).toBe(4 * 4 + 4)
  })
})

describe('a cool-down', () => {
  it('a 429 stops every instance before its next request, for as long as Airtable asks', async () => {
    const [permit] = await takeMany(here, 1)
    permit?.settle({ kind: 'refused', why: 'rate-limit', seconds: 17 })
    await expect.poll(evals).toBe(2)
    const refused = { granted: false, coolDown: { base: 'app1', why: 'rate-limit', seconds: 17 } }
    expect(await here.limiter.take('app1')).toEqual(refused)
    expect(await there.limiter.take('app1')).toEqual(refused)
    await takeMany(there, 1, 'app2')
  })

  it('a cool-down costs one command in each instance, not one for each caller', async () => {
    const [permit] = await takeMany(here, 1)
    permit?.settle({ kind: 'refused', why: 'rate-limit' })
    await expect.poll(evals).toBe(2)
    for (let caller = 0; caller < 10; caller += 1) {
      await here.limiter.take('app1')
      await there.limiter.take('app1')
    }
    expect(evals()).toBe(3)
  })

  it('a spent quota stops background requests for hours, and waiting callers for minutes', async () => {
    const [permit] = await takeMany(here, 1)
    permit?.settle({ kind: 'refused', why: 'quota' })
    await expect.poll(evals).toBe(2)
    const third = await startInstance()
    expect(await there.limiter.take('app1', { background: true })).toEqual({
      granted: false,
      coolDown: { base: 'app1', why: 'quota', seconds: 6 * 3_600 },
    })
    expect(await third.limiter.take('app1')).toEqual({
      granted: false,
      coolDown: { base: 'app1', why: 'quota', seconds: 600 },
    })
  })
})

describe('the state of bases', () => {
  const free = { coolDown: null, waiting: 0 }

  it('any instance reads the state of the bases, for two commands', async () => {
    await takeMany(here, 2, 'app1')
    const [permit] = await takeMany(there, 1, 'app2')
    permit?.settle({ kind: 'refused', why: 'quota' })
    await expect.poll(evals).toBe(4)
    const third = await startInstance()
    redis.upstash.resetCounters()
    expect(sorted(await third.limiter.bases())).toEqual([
      { ...free, base: 'app1', inUse: 2 },
      { base: 'app2', inUse: 1, waiting: 0, coolDown: { why: 'quota', seconds: 6 * 3_600 } },
    ])
    expect(redis.upstash.counters).toMatchObject({ commands: 2 })
  })

  it('the state of a base counts the queue', async () => {
    await takeMany(here, 5)
    const patience = new AbortController()
    const waiting = there.limiter.take('app1', { signal: patience.signal }).catch(() => undefined)
    await expect.poll(evals).toBeGreaterThan(6)
    expect(await here.limiter.bases()).toEqual([{ ...free, base: 'app1', inUse: 5, waiting: 1 }])
    patience.abort()
    await waiting
  })

  it('the state of the bases is empty without requests', async () => {
    expect(await here.limiter.bases()).toEqual([])
  })

  it('the state of the bases is what this instance knows when Redis has lost it or is down', async () => {
    const [permit] = await takeMany(here, 1)
    permit?.settle({ kind: 'refused', why: 'rate-limit', seconds: 17 })
    await expect.poll(evals).toBe(2)
    const known = [{ base: 'app1', inUse: null, waiting: null, coolDown: { why: 'rate-limit', seconds: 17 } }]
    await redis.flush()
    expect(await here.limiter.bases()).toEqual(known)
    await redis.killEngine()
    try {
      expect(await here.limiter.bases()).toEqual(known)
      expect(await there.limiter.bases()).toEqual([])
    } finally {
      await redis.reviveEngine()
    }
  })
})

describe('without Redis', () => {
  it('without Redis an instance has its own five permits, and keeps the cool-downs that it knows', async () => {
    const pauses: number[] = []
    const sleep = (milliseconds: number, signal?: AbortSignal) => {
      pauses.push(milliseconds)
      return systemClock.sleep(milliseconds, signal)
    }
    const alone = await startInstance({ sleep })
    const [permit] = await takeMany(alone, 1)
    await redis.killEngine()
    try {
      await takeMany(alone, 4)
      expect(alone.events.of('redis.degraded')).not.toEqual([])
      expect(pauses).toEqual([])
      const patience = new AbortController()
      const sixth = alone.limiter.take('app1', { signal: patience.signal })
      await expect.poll(() => pauses).toEqual([expect.any(Number)])
      patience.abort(new Error('enough'))
      await expect(sixth).rejects.toThrow('enough')
      permit?.settle({ kind: 'refused', why: 'rate-limit', seconds: 5 })
      expect(await alone.limiter.take('app1')).toMatchObject({ granted: false })
    } finally {
      await redis.reviveEngine()
    }
  })
})

describe('a Redis that has lost the permits', () => {
  it('after Redis has lost the permits, a known instance waits until earlier requests must have arrived', async () => {
    await takeMany(here, 1)
    await redis.flush()
    expect(await isKeptWaiting(here)).toBe(true)
    expect(Math.max(...here.slept)).toBeGreaterThan(2_000)
    expect(await isKeptWaiting(await startInstance())).toBe(true)
  })

  it('a first start without permits in Redis makes no request wait', async () => {
    await redis.flush()
    await takeMany(await startInstance(), 5)
  })

  it('after Redis has lost the permits, it learns of the requests that were under way', async () => {
    const permits = await takeMany(here, 5)
    await redis.flush()
    const third = await startInstance()
    await takeMany(third, 1)
    for (const permit of permits.slice(0, 4)) permit.settle(answered)
    await expect.poll(evals).toBe(7)
    third.slept.length = 0
    await takeMany(third, 1)
    expect(third.slept.filter((ms) => ms > 2)).toHaveLength(1)
  })
})

describe('a permit that is found too late, as by a process that was frozen', () => {
  it.each(['now', 'monotonic'] as const)(
    'a permit that is found too late is given back for another one, by the clock "%s"',
    async (name) => {
      const freezes = [10_000]
      let frozen = 0
      const late = await startInstance({
        [name]: () => systemClock[name]() + frozen,
        sleep: async (milliseconds: number) => {
          if (milliseconds > 2) frozen += freezes.pop() ?? 0
        },
      })
      const [permit] = await takeMany(here, 5)
      permit?.settle(answered)
      await expect.poll(evals).toBe(6)
      await takeMany(late, 1)
      expect(freezes).toEqual([])
      // One for the news, one for the first permit, and at least one more.
      expect(evals()).toBeGreaterThan(7)
    },
  )
})

import { afterEach, beforeEach, describe, expect, vi } from 'vitest'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { type CodedError, getErrorCode } from '@/lib/shared/errors'
import { cacheFor, settings } from '../kit/fields/cache'
import { field } from '../kit/fields/fieldProcess'
import { redisForThisFile } from '../kit/redis/redisSuite'
import { type Instance, startInstance } from './instances'
import { probe } from './probe'

/** As in production: five failures in a row open the circuit, and it stays open for longer than a test takes. */
const breaker = { ...settings.breaker, failureThreshold: 5, recoveryMs: 60_000 }
/** Every request to a hung Redis runs into it, so the tests wait for it. */
const timeouts = { commandTimeoutMs: 50, commandHardTimeoutMs: 50 }

const redis = redisForThisFile()
let here: Instance

beforeEach(async () => {
  await redis.flush()
  here = await startInstance(redis, { breaker, ...timeouts })
  redis.upstash.resetCounters()
})
afterEach(() => redis.upstash.faults.clear())

const WRITES = '"(set|del|mset|msetnx|eval)"'

const codes = (): string[] => here.events.of('redis.degraded').map(({ code }) => code)

async function failureOf(run: Promise<unknown>): Promise<CodedError> {
  return run.then(
    () => expect.fail('it should have failed'),
    (error: CodedError) => error,
  )
}

describe('a store of which every command fails', () => {
  for (const kind of ['error', 'reset', 'rate-limit', 'unauthorized', 'bad-gateway', 'garbage'] as const) {
    probe('storeRejects', `answers with fetched values (${kind})`, async () => {
      const { cache } = cacheFor(redis)
      await cache.initialize()
      await redis.upstash.faults.set({ kind })
      expect(await here.read(field(async () => 'fetched'))).toMatchObject({ data: 'fetched', status: 'miss' })
      expect([await cache.get('a'), await cache.set('a', 1), await cache.del('a')]).toEqual([null, null, 0])
    })
  }

  probe('storeRejects', 'answers, and tries little, when reads work and every write is refused', async () => {
    const config = field(async () => 'fetched', { ttl: 60, staleIfError: 600 })
    await here.read(config)
    here.pass(61)
    redis.upstash.resetCounters()
    await redis.upstash.faults.set({ kind: 'error', match: WRITES })
    expect(await here.read(config)).toMatchObject({ data: 'fetched', status: 'miss' })
    expect(redis.upstash.counters.requests).toBeLessThanOrEqual(4)
  })

  probe('storeRejects', 'answers, too, when what it read is damaged and nothing can be written', async () => {
    const { cache } = cacheFor(redis)
    await cache.initialize()
    await (await startInstance(redis)).read(field(async () => 'before'))
    await cache.redis.set('test:v1:agents_list', 'damaged')
    await redis.upstash.faults.set({ kind: 'error', match: WRITES })
    expect(await here.read(field(async () => 'fetched'))).toMatchObject({ data: 'fetched', status: 'miss' })
  })

  probe('storeRejects', 'but an invalidation that was not recorded says so', async () => {
    await redis.upstash.faults.set({ kind: 'error' })
    expect(getErrorCode(await failureOf(invalidateTags(['people'], here.runtime)))).toBe(
      'INVALIDATION_FAILED',
    )
  })
})

describe('a store that swallows every request', () => {
  probe(
    'blackHole',
    'answers within a deadline each; after five requests no reader waits for it',
    async () => {
      await redis.upstash.faults.set({ kind: 'hang' })
      for (let read = 1; read <= 20; read += 1) {
        expect(await here.read(field(async () => read))).toMatchObject({ data: read, status: 'miss' })
      }
      expect(redis.upstash.counters.requests).toBe(5)
      expect(codes()).toEqual([
        ...Array.from({ length: 5 }, () => 'REDIS_TIMEOUT'),
        ...Array.from({ length: 15 }, () => 'REDIS_CIRCUIT_OPEN'),
      ])
    },
  )

  probe('blackHole', 'answers 100 callers at once with 1 request and at most 2 fetches', async () => {
    await redis.upstash.faults.set({ kind: 'hang' })
    const fetcher = vi.fn(async () => 'fetched')
    const reads = Array.from({ length: 100 }, () => here.read(field(fetcher)))
    for (const { data } of await Promise.all(reads)) expect(data).toBe('fetched')
    expect(redis.upstash.counters.requests).toBe(1)
    expect(fetcher.mock.calls.length).toBeLessThanOrEqual(2)
  })

  const requests = {
    'its read': '"mget"',
    'its making of tokens': '"(msetnx|set)","test:v1~token:',
    'its try for the lease': '"set","test:v1~lease:',
    'its write of the entry': '"set","test:v1:agents_list"',
  }
  for (const [which, match] of Object.entries(requests)) {
    probe('blackHole', `answers when only ${which} is never answered`, async () => {
      await redis.upstash.faults.set({ kind: 'hang', match })
      expect((await here.read(field(async () => 'fetched'))).data).toBe('fetched')
      expect(codes()).toContain('REDIS_TIMEOUT')
    })
  }

  probe('blackHole', 'tells callers of the commands and of invalidations at once', async () => {
    const { cache } = cacheFor(redis, { breaker, ...timeouts })
    await cache.initialize()
    redis.upstash.resetCounters()
    await redis.upstash.faults.set({ kind: 'hang' })
    for (let read = 1; read <= 20; read += 1) expect(await cache.get('a')).toBeNull()
    expect(redis.upstash.counters.requests).toBe(5)
    const { code, cause } = await failureOf(invalidateTags(['people'], here.runtime))
    expect([code, getErrorCode(cause)]).toEqual(['INVALIDATION_FAILED', 'REDIS_TIMEOUT'])
  })
})

describe('a store whose port is closed', () => {
  probe('refusedConnection', 'answers, and after the circuit has opened without trying', async () => {
    await redis.upstash.faults.set({ kind: 'refuse' })
    for (let read = 1; read <= 20; read += 1) {
      expect(await here.read(field(async () => read))).toMatchObject({ data: read, status: 'miss' })
    }
    expect(codes()).toEqual([
      ...Array.from({ length: 5 }, () => 'REDIS_UNREACHABLE'),
      ...Array.from({ length: 15 }, () => 'REDIS_CIRCUIT_OPEN'),
    ])
  })

  probe('refusedConnection', 'an invalidation says so', async () => {
    await redis.upstash.faults.set({ kind: 'refuse' })
    const { code, cause } = await failureOf(invalidateTags(['people'], here.runtime))
    expect([code, getErrorCode(cause)]).toEqual(['INVALIDATION_FAILED', 'REDIS_UNREACHABLE'])
  })
})

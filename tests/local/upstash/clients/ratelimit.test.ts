import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisForThisFile } from '../../../kit/redis/redisSuite'
import { rest } from '../../../kit/redis/testRedis'

const server = redisForThisFile()
const NOON = Date.UTC(2026, 0, 1, 12)

beforeEach(async () => {
  await server.flush()
  await rest(server, '/', { body: ['SCRIPT', 'FLUSH'] })
  server.upstash.resetCounters()
  // The limiter counts by the clock of its process, so a test that moves it need not wait.
  vi.useFakeTimers({ toFake: ['Date'], now: NOON })
})
afterEach(() => vi.useRealTimers())

/** A limiter without a memory of its own: every decision is the script's. */
function limiter(algorithm: ConstructorParameters<typeof Ratelimit>[0]['limiter']): Ratelimit {
  return new Ratelimit({ redis: new Redis(server), limiter: algorithm, ephemeralCache: false, timeout: 0 })
}

async function admitted(ratelimit: Ratelimit, attempts: number): Promise<number> {
  const answers = await Promise.all(Array.from({ length: attempts }, () => ratelimit.limit('user')))
  return answers.filter(({ success }) => success).length
}

describe('@upstash/ratelimit', () => {
  it('keeps a sliding window', async () => {
    const ratelimit = limiter(Ratelimit.slidingWindow(5, '10 s'))
    await expect(admitted(ratelimit, 9)).resolves.toBe(5)
    await expect(ratelimit.limit('user')).resolves.toMatchObject({ success: false, limit: 5, remaining: 0 })
    await expect(ratelimit.limit('somebody else')).resolves.toMatchObject({ success: true, remaining: 4 })
    vi.setSystemTime(NOON + 15_000)
    // Half of the previous window still counts.
    await expect(admitted(ratelimit, 9)).resolves.toBe(3)
    vi.setSystemTime(NOON + 60_000)
    await expect(ratelimit.getRemaining('user')).resolves.toMatchObject({ remaining: 5 })
    await ratelimit.resetUsedTokens('user')
  })

  it('keeps a token bucket', async () => {
    const ratelimit = limiter(Ratelimit.tokenBucket(2, '1 s', 6))
    await expect(admitted(ratelimit, 9)).resolves.toBe(6)
    vi.setSystemTime(NOON + 1_000)
    await expect(admitted(ratelimit, 9)).resolves.toBe(2)
    vi.setSystemTime(NOON + 60_000)
    await expect(ratelimit.limit('user', { rate: 4 })).resolves.toMatchObject({ success: true, remaining: 2 })
  })

  it('keeps a fixed window', async () => {
    const ratelimit = limiter(Ratelimit.fixedWindow(3, '10 s'))
    await expect(admitted(ratelimit, 5)).resolves.toBe(3)
    vi.setSystemTime(NOON + 10_000)
    await expect(admitted(ratelimit, 5)).resolves.toBe(3)
  })

  it('runs its scripts, which carry the flag of the vendor, by their SHA', async () => {
    const ratelimit = limiter(Ratelimit.slidingWindow(5, '10 s'))
    await ratelimit.limit('user')
    expect(server.upstash.counters.byCommand).toMatchObject({ EVALSHA: 1, EVAL: 1 })
    server.upstash.resetCounters()
    await ratelimit.limit('user')
    expect(server.upstash.counters.byCommand).toEqual({ EVALSHA: 1 })
  })
})

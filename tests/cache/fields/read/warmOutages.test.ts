import { afterEach, expect, it, vi } from 'vitest'
import { settings } from '../../../kit/fields/cache'
import { field } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'
import { startInstance } from '../../../probes/instances'

const redis = redisForThisFile()

afterEach(() => redis.upstash.faults.clear())

/** Every request to a hung Redis runs into it, so the test waits for it. */
const timeouts = { commandTimeoutMs: 30, commandHardTimeoutMs: 60 }
const breaker = { ...settings.breaker, recoveryMs: 60_000 }

it.each(['reset', 'hang', 'refuse', 'error', 'rate-limit', 'garbage'] as const)(
  'a warm process answers each of 200 reads in 60 s while Redis fails (%s), and asks the source once in 30 s',
  async (kind) => {
    await redis.flush()
    const instance = await startInstance(redis, { ...timeouts, breaker })
    const fetcher = vi.fn(async () => 'fetched')
    const config = field(fetcher, { ttl: 3_600, memoryTtl: 1 })
    await instance.read(config)
    await redis.upstash.faults.set({ kind })
    const statuses = new Map<string, number>()
    for (let count = 0; count < 200; count += 1) {
      instance.pass(0.3)
      const { data, status } = await instance.read(config)
      expect(data).toBe('fetched')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    // Those of the first second are hits, and 30 s after the last proof and after each fetch one read fetches.
    expect(statuses.get('miss')).toBe(fetcher.mock.calls.length - 1)
    expect(fetcher.mock.calls.length - 1).toBeLessThanOrEqual(2)
    expect(statuses.get('degraded')).toBeGreaterThan(190)
  },
)

/** A process that only reads, while Redis refuses writes and after that, as the admin page and /api/metrics show it. */
import { expect, it } from 'vitest'
import { readMetrics } from '@/lib/core-services/metrics/metricsService'
import { createTestCache } from '@/lib/testing/testCache'

const redis = await createTestCache()
let isFull = true
let writes = 0
const { cache, clock, install } = await createTestCache({
  ports: {
    fetch: async (url, init) => {
      const isWrite = new TextDecoder().decode(init?.body as Uint8Array).includes('"SET"')
      if (isWrite) writes += 1
      return isWrite && isFull
        ? Response.json({ error: 'OOM command not allowed when used memory > maxmemory' }, { status: 400 })
        : redis.runtime.ports.fetch(url, init)
    },
  },
})
install()

it('refused writes are shown until Redis takes one, which is tried once in 30 s when metrics are read', async () => {
  const readRefusal = async () => (await readMetrics({ maxAgeMs: 0 })).refusedWrites
  expect(await readRefusal()).toBeUndefined()
  const since = clock.now()
  await cache.probeWrites().catch(() => undefined)
  expect(await readRefusal()).toEqual({ code: 'REDIS_FULL', since })
  for (let second = 0; second < 65; second += 1) {
    clock.advance(1_000)
    await cache.get('a')
    await Promise.all([readRefusal(), readRefusal()])
  }
  expect(await readRefusal()).toEqual({ code: 'REDIS_FULL', since })
  expect(writes).toBe(3)
  isFull = false
  clock.advance(30_000)
  expect(await readRefusal()).toBeUndefined()
  expect(cache.refusedWrites).toBeNull()
  clock.advance(60_000)
  await readRefusal()
  expect(writes).toBe(4)
})

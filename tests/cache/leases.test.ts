import { expect, it, vi } from 'vitest'
import { redisUnreachable } from '@/lib/core-services/cache/engine/errors'
import type { FieldCacheConfig } from '@/lib/core-services/cache/engine/fieldConfig'
import { defaultPorts } from '@/lib/core-services/cache/engine/ports'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { type Command, createMemoryRedis, type MemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { createRuntime } from '../simulation/world/cacheUnderTest'
import { keySpace } from '../simulation/world/names'

/** A process over a Redis that does what `intercept` does not throw at. Time passes only while it sleeps. */
function processOver(redis: MemoryRedis, time: { now: number }, intercept: (command: Command) => void) {
  const run = (command: Command) => {
    intercept(command)
    return redis.execute(command)
  }
  const now = () => time.now
  const clock = {
    now,
    monotonic: now,
    sleep: async (milliseconds: number) => {
      time.now += milliseconds
    },
  }
  return createRuntime({
    connection: { send: async (...command) => run(command), sendTogether: async (all) => all.map(run) },
    ports: { ...defaultPorts, clock },
    goesUncached: () => undefined,
  })
}

const isLease = ([name, key]: Command) => name === 'SET' && String(key).includes('~lease:')

function fieldOf(fetcher: FieldCacheConfig<string>['fetcher']): FieldCacheConfig<string> {
  return { name: 'people', key: 'people', tags: ['a'], ttl: 60, fetcher }
}

it('a Redis that answers reads and takes no lease is asked for it once, then the source is', async () => {
  const time = { now: 0 }
  const redis = createMemoryRedis(() => time.now)
  for (const guard of ['key:people', 'tag:a']) redis.execute(['SET', keySpace.internal('token', guard), 't'])
  let asked = 0
  const runtime = processOver(redis, time, (command) => {
    if (!isLease(command)) return
    asked += 1
    throw redisUnreachable('simulated', 'SIM_URL', new Error('full'))
  })
  const answer = await readFieldCache(
    fieldOf(async () => 'from the source'),
    'never',
    runtime,
  )
  expect(answer).toMatchObject({ data: 'from the source', status: 'miss' })
  expect(asked).toBe(1)
})

it('a lease of our own that came too late to be used is waited for, and then taken anew', async () => {
  const time = { now: 0 }
  const redis = createMemoryRedis(() => time.now)
  const fetcher = vi.fn(async () => 'from the source')
  let late = true
  const runtime = processOver(redis, time, (command) => {
    if (!isLease(command) || !late) return
    late = false
    // Past the lease, as the process counts it; Redis counts from now on.
    time.now += 10_000
  })
  const answer = await readFieldCache(fieldOf(fetcher), 'never', runtime)
  expect(answer).toMatchObject({ data: 'from the source', status: 'miss' })
  expect(fetcher).toHaveBeenCalledOnce()
  expect(redis.peek(keySpace.physical('people'))).toContain('from the source')
})

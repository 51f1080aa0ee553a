import { expect, it, vi } from 'vitest'
import { redisTimeout, redisUnreachable } from '@/lib/core-services/cache/errors'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { defaultPorts, type Ports } from '@/lib/shared/ports'
import { type Command, createMemoryRedis, type MemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { deferred } from '../../../kit/clock/deferred'
import { keySpace } from '../../../kit/simulation/network'
import { createRuntime } from '../../../simulation/world/shippedCache'

/**
 * A process over a Redis that does what `intercept` does not throw at; what `answered` throws at is done without an
 * answer. Time passes only while it sleeps.
 */
function processOver(
  redis: MemoryRedis,
  time: { now: number },
  intercept: (command: Command) => void,
  {
    answered = () => undefined,
    ports = {},
  }: { answered?: (command: Command) => void; ports?: Partial<Ports> } = {},
) {
  const run = (command: Command) => {
    intercept(command)
    const reply = redis.execute(command)
    answered(command)
    return reply
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
    ports: { ...defaultPorts, clock, ...ports },
    goesUncached: () => undefined,
  })
}

const isLease = ([name, key]: Command) => name === 'SET' && String(key).includes('~lease:')

function fieldOf(fetcher: FieldCacheConfig<string>['fetcher']): FieldCacheConfig<string> {
  return { name: 'people', key: 'people', tags: ['a'], ttl: 60, fetcher }
}

it('a Redis that answers reads and refuses leases is asked for one once, then the source is asked', async () => {
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

it('a process waits for a lease of its own that came too late to be used, and then takes a new one', async () => {
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

it('the next read finds a lease whose answer was lost, and does not wait', async () => {
  const time = { now: 0 }
  const redis = createMemoryRedis(() => time.now)
  for (const guard of ['key:people', 'tag:a']) redis.execute(['SET', keySpace.internal('token', guard), 't'])
  const fetcher = vi.fn(async () => 'from the source')
  let lost = 0
  const runtime = processOver(redis, time, () => undefined, {
    answered: (command) => {
      // The answer to the lease, and to each look after it: the process hears nothing of its own lease.
      const isLook = command[0] === 'MGET' && command.some((name) => String(name).includes('~lease:'))
      if ((!isLease(command) && !isLook) || lost >= 4) return
      lost += 1
      time.now += 250
      throw redisTimeout(250, 'SIM_URL')
    },
  })
  const config = { ...fieldOf(fetcher), memoryTtl: 0 }
  for (let read = 0; read < 3; read += 1) await readFieldCache(config, 'never', runtime)
  // Four deadlines and no poll: a lease that the process does not know would be waited for until it ends.
  expect({ lost, waited: time.now }).toEqual({ lost: 4, waited: 1_000 })
  expect(redis.peek(keySpace.physical('people'))).toContain('from the source')
})

it('a request for a lease that arrives long after it was given up keeps no read of its process waiting', async () => {
  const time = { now: 0 }
  const redis = createMemoryRedis(() => time.now)
  for (const guard of ['key:people', 'tag:a']) redis.execute(['SET', keySpace.internal('token', guard), 't'])
  let givenUp: Command | undefined
  const runtime = processOver(redis, time, (command) => {
    if (!isLease(command) || givenUp) return
    givenUp = command
    throw redisTimeout(250, 'SIM_URL')
  })
  let slow = false
  const config = fieldOf(async () => {
    // Past its lease, so that nothing is stored and the next flight has the same name.
    if (slow) time.now += 60_000
    return 'from the source'
  })
  const read = () => readFieldCache({ ...config, memoryTtl: 0 }, 'never', runtime)
  await read()
  time.now += 60_000
  slow = true
  await read()
  slow = false
  redis.execute(givenUp as Command)
  const before = time.now
  await read()
  expect(time.now - before).toBe(0)
  expect(redis.peek(keySpace.physical('people'))).toContain('from the source')
})

it('a read does not use a lease of its process that is being given back', async () => {
  const time = { now: 0 }
  const redis = createMemoryRedis(() => time.now)
  const afterAnswer: (() => Promise<void>)[] = []
  const ports = { defer: (work: () => Promise<void>) => void afterAnswer.push(work) }
  let refuses = true
  const runtime = processOver(
    redis,
    time,
    ([name, key]) => {
      const isEntry = name === 'SET' && key === keySpace.physical('people')
      if (isEntry && refuses) throw redisUnreachable('simulated', 'SIM_URL', new Error('full'))
    },
    { ports },
  )
  await readFieldCache(
    fieldOf(async () => 'not stored'),
    'never',
    runtime,
  )
  runtime.memoryCache.dropAll()
  refuses = false
  const [gate, fetching] = [deferred<string>(), deferred<void>()]
  const second = readFieldCache(
    fieldOf(() => {
      fetching.resolve()
      return gate.promise
    }),
    'never',
    runtime,
  )
  await fetching.promise
  const holder = () =>
    redis
      .names()
      .filter((name) => name.includes('~lease:'))
      .map((name) => redis.peek(name))
  const before = holder()
  await Promise.all(afterAnswer.map((work) => work()))
  expect(holder()).toEqual(before)
  gate.resolve('stored')
  expect(await second).toMatchObject({ data: 'stored', status: 'miss' })
})

it('a process recognises its lease after readers with other tags have taken theirs', async () => {
  const time = { now: 0 }
  const redis = createMemoryRedis(() => time.now)
  const runtime = processOver(redis, time, () => undefined)
  const read = (...others: string[]) =>
    readFieldCache({ ...fieldOf(async () => 'v'), tags: ['a', ...others] }, 'never', runtime)
  await read()
  for (const tag of ['b', 'c', 'd', 'e', 'f']) await read(tag)
  // With the entry go the tags that it has gathered, and the next flight is named as the first one was.
  redis.evict(keySpace.physical('people'))
  runtime.memoryCache.dropAll()
  expect((await read()).status).toBe('miss')
  expect(time.now).toBe(0)
})

it('a reader that found another entry than the creator of the tokens takes its own lease', async () => {
  const redis = createMemoryRedis(() => 0)
  const [created, gate] = [deferred<void>(), deferred<void>()]
  const answer = async (commands: Command[]) => {
    const replies = commands.map((command) => redis.execute(command))
    if (commands.some(([name]) => name === 'MSETNX')) {
      created.resolve()
      await gate.promise
    }
    return replies
  }
  const runtime = createRuntime({
    connection: { send: async (...command) => (await answer([command]))[0] ?? null, sendTogether: answer },
    ports: defaultPorts,
    goesUncached: () => undefined,
  })
  const read = () =>
    readFieldCache(
      fieldOf(async () => 'v'),
      'never',
      runtime,
    )
  const creator = read()
  await created.promise
  redis.execute(['SET', keySpace.physical('people'), 'what another program has left'])
  const other = read()
  await new Promise(setImmediate)
  gate.resolve()
  await Promise.all([creator, other])
  expect(redis.names().filter((name) => name.includes('~lease:'))).toHaveLength(2)
})

import { beforeEach, expect, it, vi } from 'vitest'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { systemClock } from '@/lib/shared/clock'
import { deferred } from '../kit/clock/deferred'
import { cacheFor } from '../kit/fields/cache'
import { type FieldProcess, field, startFieldProcess } from '../kit/fields/fieldProcess'
import { startTranscript, type Transcript } from '../kit/fields/transcript'
import { redisForThisFile } from '../kit/redis/redisSuite'

type Instance = Pick<FieldProcess, 'runtime' | 'read'>

const redis = redisForThisFile()
let transcript: Transcript
let a: Instance
let b: Instance
/** Seconds that have passed since the test began, by the clocks of both: a busy machine makes nothing older. */
let ahead = 0
/** Tells what came first within a moment. */
let ticks = 0
const BEGAN = Date.now()
let background: (() => Promise<void>)[] = []

async function startInstance(name: string): Promise<Instance> {
  const { runtime: shared } = await startFieldProcess(redis)
  const emit = transcript.of(name)
  const ports = {
    ...shared.ports,
    emit,
    defer: (work: () => Promise<void>) => background.push(work) > 0,
    clock: {
      ...systemClock,
      now: () => BEGAN + ahead * 1000,
      monotonic: () => ahead * 1000 + ++ticks / 1_000_000,
    },
  }
  const { cache } = cacheFor(redis, {}, ports)
  await cache.initialize()
  const runtime = { ...shared, ports, store: async () => cache.fieldStore }
  return { runtime, read: (config, force = 'never') => readFieldCache(config, force, runtime) }
}

/** What has been told since it was asked for the last time. */
function told(): string {
  return transcript.lines.splice(0).join('\n')
}

async function finishBackgroundWork(): Promise<void> {
  await Promise.all(background.splice(0).map((work) => work()))
}

beforeEach(async () => {
  await redis.flush()
  ahead = 0
  background = []
  transcript = startTranscript()
  a = await startInstance('a')
  b = await startInstance('b')
})

it('a miss, a hit from memory, a hit that Redis has confirmed', async () => {
  const config = field(async () => ['Ana'], { tags: ['people'], memoryTtl: 60 })
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at redis: nothing
    a: creates 2 tokens
    a: has the lease
    a: asks the source (miss)
    a: has an answer and stores it
    a: answers miss, 0 s old"
  `)
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at memory: fresh
    a: answers hit, 0 s old"
  `)
  await a.read({ ...config, memoryTtl: 0 })
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at the tokens of its copy: fresh
    a: answers hit, 0 s old"
  `)
  await b.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "b: looks at redis: fresh
    b: answers hit, 0 s old"
  `)
})

it('two instances that miss at the same time', async () => {
  const answer = deferred<string>()
  const fetcher = vi.fn(() => answer.promise)
  const config = field(fetcher)
  const first = a.read(config)
  await expect.poll(() => fetcher.mock.calls.length).toBe(1)
  const second = b.read(config)
  await expect.poll(() => transcript.lines.at(-1)).toBe('b: waits for who has the lease')
  answer.resolve('Ana')
  await Promise.all([first, second])
  const distinct = told()
    .split('\n')
    .filter((line, index, lines) => line !== lines[index - 1])
  expect(distinct.join('\n')).toMatchInlineSnapshot(`
    "a: looks at redis: nothing
    a: creates 1 token
    a: has the lease
    a: asks the source (miss)
    b: looks at redis: nothing
    b: waits for who has the lease
    a: has an answer and stores it
    a: answers miss, 0 s old
    b: finds what the other one has stored
    b: answers miss, 0 s old"
  `)
})

it('a stale hit, and the refresh after the answer', async () => {
  const config = field(async () => 'Ana', { ttl: 60, staleWhileRevalidate: 600 })
  await a.read(config)
  told()
  ahead = 100
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at redis: stale
    a: answers stale, 100 s old"
  `)
  await finishBackgroundWork()
  expect(told()).toMatchInlineSnapshot(`
    "a: has the lease
    a: asks the source (stale)
    a: has an answer and stores it"
  `)
  await b.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "b: looks at redis: fresh
    b: answers hit, 0 s old"
  `)
})

it('a refresh that fails: the last good value, and a source that is left alone', async () => {
  const fetcher = vi.fn(async () => 'Ana')
  const config = field(fetcher, { ttl: 60, staleIfError: 600 })
  await a.read(config)
  told()
  ahead = 100
  fetcher.mockRejectedValue(new Error('down'))
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at redis: degraded
    a: has the lease
    a: asks the source (miss)
    a: gets none: SOURCE_FAILED
    a: answers degraded, 100 s old"
  `)
  await b.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "b: looks at redis: degraded
    b: leaves the source alone: SOURCE_FAILED
    b: answers degraded, 100 s old"
  `)
})

it('an invalidation during a fetch', async () => {
  const answer = deferred<string>()
  const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? answer.promise : 'new'))
  const config = field(fetcher, { tags: ['people'] })
  const early = a.read(config)
  await expect.poll(() => fetcher.mock.calls.length).toBe(1)
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at redis: nothing
    a: creates 2 tokens
    a: has the lease
    a: asks the source (miss)"
  `)
  await invalidateTags(['people'], b.runtime)
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "b: invalidates tag:people
    a: looks at redis: nothing
    a: has the lease
    a: asks the source (miss)
    a: has an answer and stores it
    a: answers miss, 0 s old"
  `)
  answer.resolve('old')
  await early
  expect(told()).toMatchInlineSnapshot(`
    "a: does not store it: outdated
    a: has an answer, and keeps it to itself
    a: answers miss, 0 s old"
  `)
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at the tokens of its copy: fresh
    a: answers hit, 0 s old"
  `)
})

it('a forced refresh that another one overtakes', async () => {
  const answer = deferred<string>()
  const fetcher = vi.fn(async () => (fetcher.mock.calls.length === 1 ? answer.promise : 'newest'))
  const config = field(fetcher)
  await a.read({ ...config, fetcher: async () => 'old' })
  told()
  const overtaken = a.read(config, 'always')
  await expect.poll(() => fetcher.mock.calls.length).toBe(1)
  await b.read({ ...config, fetcher: async () => 'new' }, 'always')
  answer.resolve('older than new')
  await overtaken
  expect(told()).toMatchInlineSnapshot(`
    "a: asks the source (force)
    b: asks the source (force)
    b: has an answer and stores it
    b: answers refreshed, 0 s old
    a: was overtaken in attempt 1
    a: asks the source (force)
    a: has an answer and stores it
    a: answers refreshed, 0 s old"
  `)
})

it('an outage of Redis and its end', async () => {
  const config = field(async () => 'Ana')
  await a.read(config)
  told()
  await redis.killEngine()
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: does without Redis for read: REDIS_BAD_REPLY
    a: asks the source (miss)
    a: does not store it: redis-failed
    a: has an answer, and keeps it to itself
    a: answers miss, 0 s old"
  `)
  for (let calls = 0; calls < 5; calls += 1) await a.read(config)
  expect(told()).toContain('a: breaker closed -> open')
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: does without Redis for read: REDIS_CIRCUIT_OPEN
    a: asks the source (miss)
    a: does not store it: redis-failed
    a: has an answer, and keeps it to itself
    a: answers miss, 0 s old"
  `)
  await redis.reviveEngine()
  ahead = 100
  await a.read(config)
  await finishBackgroundWork()
  expect(told()).toMatchInlineSnapshot(`
    "a: breaker open -> half-open
    a: does without Redis for read: REDIS_CIRCUIT_OPEN
    a: asks the source (miss)
    a: does not store it: redis-failed
    a: has an answer, and keeps it to itself
    a: answers miss, 0 s old
    a: breaker half-open -> closed"
  `)
  await a.read(config)
  expect(told()).toMatchInlineSnapshot(`
    "a: looks at redis: nothing
    a: creates 1 token
    a: has the lease
    a: asks the source (miss)
    a: has an answer and stores it
    a: answers miss, 0 s old"
  `)
})

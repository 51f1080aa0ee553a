import { beforeEach, describe, expect, test, vi } from 'vitest'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FetchContext, FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { refreshDueFields } from '@/lib/core-services/cache/operations/scheduledRefresh'
import { type ManualClock, manualClock } from '@/lib/testing/clock'
import { sendOnce } from '@/local/engine/sendOnce'
import { endCoolDowns } from '../../../kit/fields/coolDowns'
import { type FieldProcess, field, startFieldProcess, storedEntry } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
let clock: ManualClock
let here: FieldProcess

const PART_MS = 2_000

beforeEach(async () => {
  await redis.flush()
  clock = manualClock()
  here = await startProcess()
})

async function startProcess(): Promise<FieldProcess> {
  const started = await startFieldProcess(redis)
  started.runtime.ports = { ...started.runtime.ports, clock }
  return started
}

/** A source of this many parts, one a refresh. Its value names the fetch of its first part. */
function inParts(parts: number, rest: Partial<FieldCacheConfig<string>> = {}) {
  const begun: string[] = []
  const fetcher = async ({ resume, pause, reason }: FetchContext) => {
    const earlier = await resume()
    const [first = '', count = 0] = earlier === null ? [] : JSON.parse(earlier)
    if (earlier === null) begun.push(`${reason} ${begun.length + 1}`)
    const name = earlier === null ? begun.at(-1) : first
    clock.advance(PART_MS)
    if (count + 1 < parts) return pause(JSON.stringify([name, count + 1]), `${count + 1} of ${parts}`)
    return `begun by ${name}`
  }
  return { begun, config: field<string>(fetcher, { ttl: 600, tags: ['people'], ...rest }) }
}

const read = (config: FieldCacheConfig<string>, { runtime } = here) =>
  readFieldCache(config, 'never', runtime)
const force = (config: FieldCacheConfig<string>, { runtime } = here) =>
  readFieldCache(config, 'always', runtime)

async function coolDownPasses(milliseconds = 1_000): Promise<void> {
  clock.advance(milliseconds)
  await endCoolDowns(redis)
}

async function stopped(attempt: Promise<unknown>): Promise<void> {
  await expect(attempt).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED', retryAfter: 1 })
  await coolDownPasses()
}

const progressKeys = async () => (await sendOnce(redis.engine.url, ['KEYS', '*~progress:*'])) as string[]

describe('a fetch that needs several refreshes', () => {
  test('a fetch resumes where the last one stopped, in any process, and its value counts from the first', async () => {
    const { begun, config } = inParts(3)
    const there = await startProcess()

    await stopped(read(config))
    await stopped(read(config, there))
    const { data, age } = await read(config, there)

    expect(data).toBe('begun by miss 1')
    expect(begun).toHaveLength(1)
    expect(age).toBe((3 * PART_MS + 2 * 1_000) / 1_000)
    expect((await read(config)).age).toBe(age)
  })

  test('a paused fetch shows its progress in errors and in the states of fields', async () => {
    const { config } = inParts(2)

    await expect(read(config)).rejects.toMatchObject({
      done: '1 of 2',
      message: expect.stringContaining('1 of 2'),
    })
    await coolDownPasses()
    await read(config)

    expect(here.events.of('refresh.failed')).toEqual([])
    expect(here.events.of('refresh.paused')).toMatchObject([
      { field: 'agents', reason: 'miss', done: '1 of 2' },
    ])
    expect(here.events.of('refresh.resumed')).toMatchObject([
      { field: 'agents', reason: 'miss', done: '1 of 2' },
    ])
  })

  test('a paused fetch is left alone for a second, and then the next reader resumes it', async () => {
    const { config } = inParts(2)
    const there = await startProcess()
    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED' })

    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED', retryAfter: 1 })
    await expect(read(config, there)).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED', retryAfter: 1 })

    expect(
      [...here.events.all, ...there.events.all].filter(({ type }) => type === 'refresh.started'),
    ).toHaveLength(1)
  })

  test('the cron and readers resume each other’s fetches', async () => {
    const { begun, config } = inParts(2)

    await stopped(read(config))
    await forceRefresh(here.runtime, config, 'cron')

    expect((await read(config)).data).toBe('begun by miss 1')
    expect(begun).toHaveLength(1)
  })

  test('a fetch of several parts removes its progress once it has ended', async () => {
    const { config } = inParts(2)

    await stopped(read(config))
    expect(await progressKeys()).toHaveLength(1)
    await read(config)

    await expect.poll(progressKeys).toEqual([])
  })

  test('a fetch of several parts removes its progress when the whole value is refused', async () => {
    const { begun, config } = inParts(2, { advanced: { accept: () => false } })

    await stopped(read(config))
    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_INVALID' })
    await expect.poll(progressKeys).toEqual([])
    await coolDownPasses(5_000)
    await stopped(read(config))

    expect(begun).toHaveLength(2)
  })

  test('readers get the stored value while a fetch is paused, past its ttl and after a failure', async () => {
    const { config } = inParts(2, { ttl: 10, staleWhileRevalidate: 10, staleIfError: 600 })
    await stopped(read(config))
    await read(config)

    clock.advance(10_000)
    expect((await read(config)).status).toBe('stale')
    await expect.poll(() => here.events.of('refresh.paused')).toHaveLength(2)
    clock.advance(10_000)
    expect((await read(config)).status).toBe('degraded')
  })
})

describe('progress that counts no more', () => {
  test('progress is void once a tag was invalidated', async () => {
    const { begun, config } = inParts(2)

    await stopped(read(config))
    await invalidateTags(['people'], here.runtime)
    await stopped(read(config))
    const { data } = await read(config)

    expect(data).toBe('begun by miss 2')
    expect(begun).toHaveLength(2)
  })

  test('progress is void once a value as new is stored', async () => {
    const { config } = inParts(2)
    await stopped(read(config))
    const [progress = ''] = await progressKeys()
    const left = await sendOnce(redis.engine.url, ['GET', progress])
    await read(config)
    await expect.poll(progressKeys).toEqual([])
    await sendOnce(redis.engine.url, ['SET', progress, String(left)])
    const resume = vi.fn(async (context: FetchContext) => (await context.resume()) ?? 'nothing')

    const { entry } = await forceRefresh(here.runtime, { ...config, fetcher: resume }, 'cron')

    expect(entry.body).toBe('"nothing"')
  })

  test('a fetcher that starts over has its value counted from its own start', async () => {
    const { config } = inParts(2)
    await stopped(read(config))
    const fetcher = async ({ resume, startOver }: FetchContext) => {
      await resume()
      startOver()
      return 'new'
    }

    expect(await read({ ...config, fetcher })).toMatchObject({ data: 'new', age: 0 })
  })
})

describe('a forced refresh', () => {
  test('a force does not resume what was read before it', async () => {
    const { config } = inParts(2)

    await stopped(read(config))
    await stopped(force(config))
    const { data, status } = await force(config)

    expect({ data, status }).toEqual({ data: 'begun by force 2', status: 'refreshed' })
  })

  test('a force of several parts leaves readers the old value until it has ended', async () => {
    const { config } = inParts(2)
    await stopped(read(config))
    await read(config)

    await stopped(force(config))

    expect(await read(config)).toMatchObject({ data: 'begun by miss 1', status: 'hit' })
    await force(config)
    expect(await read(config)).toMatchObject({ data: 'begun by force 2', status: 'hit' })
  })
})

describe('the cron', () => {
  const options = { budgetMs: 60_000, enabled: true }

  test('the cron resumes a field while it has time', async () => {
    const { begun, config } = inParts(4, { refreshEvery: 60 })

    const run = await refreshDueFields([config as FieldCacheConfig<unknown>], options, here.runtime)

    expect(run.fields).toMatchObject([{ outcome: 'refreshed', durationMs: 4 * PART_MS }])
    expect(begun).toHaveLength(1)
  })

  test('the cron leaves the rest to its next run, and reports the progress', async () => {
    const { begun, config } = inParts(4, { refreshEvery: 60 })
    const fields = [config as FieldCacheConfig<unknown>]
    // Time for a first one, and for two more to begin.
    const short = { ...options, budgetMs: 2 * here.runtime.refreshTimeoutMs }

    const first = await refreshDueFields(fields, short, here.runtime)
    const next = await refreshDueFields(fields, short, here.runtime)

    expect(first.fields).toEqual([{ name: 'agents', outcome: 'unfinished', done: '3 of 4' }])
    expect(here.events.of('cron.finished')).toMatchObject([{ unfinished: 1, failed: 0 }, { refreshed: 1 }])
    expect(next.fields).toMatchObject([{ outcome: 'refreshed' }])
    expect(begun).toHaveLength(1)
  })

  test('the cron does not resume a field that gets no further', async () => {
    const fetcher = vi.fn(({ pause }: FetchContext) => pause('', 'nothing yet'))
    const config = field<unknown>(fetcher, { refreshEvery: 60 })

    const run = await refreshDueFields([config], options, here.runtime)

    expect(run.fields).toEqual([{ name: 'agents', outcome: 'unfinished', done: 'nothing yet' }])
    expect(fetcher).toHaveBeenCalledTimes(2)
  })
})

describe('progress that cannot be stored', () => {
  test('progress that cannot be stored is reported, and no reader waits for it', async () => {
    const { begun, config } = inParts(2)
    const there = await startProcess()
    const store = await there.runtime.store()
    there.runtime.store = async () => ({
      ...store,
      write: () =>
        Promise.reject(Object.assign(new Error('full'), { name: 'FieldCacheError', code: 'REDIS_QUOTA' })),
    })

    await expect(read(config, there)).rejects.toMatchObject({
      code: 'SOURCE_TIMEOUT',
      message: expect.stringMatching(/1 of 2, which could not be kept/),
    })
    await coolDownPasses()
    await stopped(read(config))

    expect(begun).toHaveLength(2)
  })

  test('without Redis a paused fetch fails as a timeout', async () => {
    const { config } = inParts(2)
    await redis.killEngine()

    await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT' })

    await redis.reviveEngine()
  })
})

test('a paused fetch rejects with the reason it was given, and its progress is stored all the same', async () => {
  const limited = Object.assign(new Error('429'), {
    name: 'FieldCacheError',
    code: 'SIM_LIMITED',
    retryAfter: 30,
  })
  const seen: (string | null)[] = []
  const config = field(async ({ resume, pause }: FetchContext) => {
    seen.push(await resume())
    return seen.length === 1 ? pause('half', '1 page', limited) : 'whole'
  })

  await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: limited, retryAfter: 30 })
  expect(here.events.of('refresh.paused')).toHaveLength(1)
  expect(here.events.of('refresh.failed')).toHaveLength(1)
  clock.advance(30_000)
  await endCoolDowns(redis)

  expect((await read(config)).data).toBe('whole')
  expect(seen).toEqual([null, 'half'])
})

test('a fetcher knows how much time its refresh has left', async () => {
  const left: number[] = []
  await read(
    field(async ({ remainingMs }: FetchContext) => {
      left.push(remainingMs())
      clock.advance(2_000)
      left.push(remainingMs())
      clock.advance(10_000)
      left.push(remainingMs())
      return 'x'
    }),
  )
  expect(left).toEqual([5_000, 3_000, 0])
})

test('progress is stored as long as the value might be served, from a minute to ten; that of a force for two minutes', async () => {
  const keptSeconds = async (config: FieldCacheConfig<string>, attempt = read) => {
    await redis.flush()
    await stopped(attempt(config))
    const [name = ''] = await progressKeys()
    return Number(await sendOnce(redis.engine.url, ['TTL', name]))
  }
  const around = (seconds: number) => [
    expect.toSatisfy((ttl: number) => ttl <= seconds && ttl > seconds - 20),
  ]

  expect([await keptSeconds(inParts(2, { ttl: 'forever' }).config)]).toEqual(around(600))
  expect([await keptSeconds(inParts(2, { ttl: 300 }).config)]).toEqual(around(300))
  expect([await keptSeconds(inParts(2, { ttl: 1 }).config)]).toEqual(around(60))
  expect([await keptSeconds(inParts(2, { ttl: 'forever' }).config, force)]).toEqual(around(120))
  expect(await storedEntry(here.runtime, 'agents_list')).toBeNull()
})

import { beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { type FieldOutcome, refreshDueFields } from '@/lib/core-services/cache/operations/scheduledRefresh'
import { type ManualClock, manualClock } from '@/lib/testing/clock'
import { deferred } from '../../kit/clock/deferred'
import { type FieldProcess, field, startFieldProcess, storedEntry } from '../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
let clock: ManualClock
let server: FieldProcess

const options = { budgetMs: 60_000, enabled: true }

async function startProcess(): Promise<FieldProcess> {
  const started = await startFieldProcess(redis)
  started.runtime.ports = { ...started.runtime.ports, clock }
  return started
}

function due(name: string, fetcher: () => Promise<unknown>, refreshEvery = 100) {
  return { ...field<unknown>(fetcher), name, key: `${name}_key`, ttl: 3_600, refreshEvery }
}

const short = (outcomes: FieldOutcome[]) =>
  outcomes.map((field) => `${field.name} ${'reason' in field ? field.reason : field.outcome}`)

beforeAll(async () => {})
beforeEach(async () => {
  await redis.flush()
  clock = manualClock()
  server = await startProcess()
})

it('a scheduled run refreshes fields that are missing or due, and reports the age of the others', async () => {
  const fields = [due('often', async () => 1, 100), due('seldom', async () => 1, 1_000)]
  const first = await refreshDueFields(fields, options, server.runtime)
  expect(short(first.fields)).toEqual(['often refreshed', 'seldom refreshed'])
  clock.advance(150_000)
  const second = await refreshDueFields(fields, options, server.runtime)
  expect(second.fields).toMatchObject([{ outcome: 'refreshed' }, { outcome: 'fresh', age: 150 }])
  expect(second).toMatchObject({
    startedAt: '2026-01-01T00:02:30.000Z',
    finishedAt: '2026-01-01T00:02:30.000Z',
  })
})

it('a scheduled run leaves fields without refreshEvery to their readers', async () => {
  const fetcher = vi.fn(async () => 1)
  const run = await refreshDueFields([field<unknown>(fetcher)], options, server.runtime)
  expect(short(run.fields)).toEqual(['agents no-refresh-every'])
  expect(fetcher).not.toHaveBeenCalled()
})

it('a scheduled run begins no field that could not end within the budget', async () => {
  const slow = async () => {
    clock.advance(30_000)
    return 'done'
  }
  const fields = ['a', 'b', 'c'].map((name) => due(name, slow))
  server.runtime.refreshTimeoutMs = 15_000
  const run = await refreshDueFields(fields, options, server.runtime)
  expect(short(run.fields)).toEqual(['a refreshed', 'b refreshed', 'c out-of-time'])
})

it('a scheduled run goes on with the next field when one fails, and leaves the stored value of that one alone', async () => {
  const works = vi.fn(async () => 'old')
  await refreshDueFields([due('a', works)], options, server.runtime)
  clock.advance(200_000)
  const run = await refreshDueFields(
    [due('a', () => Promise.reject(new Error('down'))), due('b', works)],
    options,
    server.runtime,
  )
  expect(run.fields).toMatchObject([{ outcome: 'failed', code: 'SOURCE_FAILED' }, { outcome: 'refreshed' }])
  expect((await storedEntry(server.runtime, 'a_key'))?.body).toBe('"old"')
})

it('a scheduled run is the only run, over all processes, and gives its lock back', async () => {
  const gate = deferred<unknown>()
  const fields = [due('a', () => gate.promise)]
  const running = refreshDueFields(fields, options, server.runtime)
  const other = await startProcess()
  await expect
    .poll(async () => short((await refreshDueFields(fields, options, other.runtime)).fields))
    .toEqual(['a another-run'])
  gate.resolve(1)
  expect(short((await running).fields)).toEqual(['a refreshed'])
  expect(short((await refreshDueFields(fields, options, other.runtime)).fields)).toEqual(['a fresh'])
})

it('a scheduled run does not take away the lock of another run that began after its own had run out', async () => {
  const gate = deferred<unknown>()
  const running = refreshDueFields([due('a', () => gate.promise)], options, server.runtime)
  await expect.poll(() => server.events.of('lock.acquired')).toHaveLength(1)
  await redis.flush()
  const locks = await (await startProcess()).runtime.locks()
  await locks.acquire('cron')
  gate.resolve(1)
  expect(short((await running).fields)).toEqual(['a refreshed'])
  await expect(locks.acquire('cron', 1, { retryCount: 0 })).rejects.toMatchObject({
    code: 'LOCK_NOT_ACQUIRED',
  })
})

it('a scheduled run counts what it did in one event', async () => {
  await refreshDueFields([due('a', async () => 1), field<unknown>(async () => 1)], options, server.runtime)
  expect(server.events.of('cron.finished')).toMatchObject([{ refreshed: 1, fresh: 0, skipped: 1, failed: 0 }])
})

it('a scheduled run fails as a whole when Redis cannot be asked', async () => {
  await redis.killEngine()
  await expect(refreshDueFields([due('a', async () => 1)], options, server.runtime)).rejects.toMatchObject({
    code: expect.stringMatching(/^REDIS_/),
  })
  await redis.reviveEngine()
})

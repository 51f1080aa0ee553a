import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { systemClock } from '@/lib/shared/clock'
import { deferred } from '../../../kit/clock/deferred'
import { type FieldProcess, field, startFieldProcess } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

/**
 * The lease of a fetch that succeeded is not given back. A reader that misses the entry afterwards must not take it for a
 * fetch that is still running, and wait for what has come and gone.
 */
const redis = redisForThisFile()
let here: FieldProcess
let there: FieldProcess

beforeEach(async () => {
  await redis.flush()
  here = await startFieldProcess(redis)
  there = await startFieldProcess(redis)
})

/** What one read gets, and how many commands it costs: those who wait for a lease send more than three. */
async function readAndCount(process: FieldProcess, config: ReturnType<typeof field<string>>) {
  redis.upstash.resetCounters()
  const { data, status } = await process.read(config)
  return { data, status, commands: redis.upstash.counters.commands }
}

/** A read whose fetch has begun and ends when the test says so. */
async function slowRead({ runtime }: FieldProcess) {
  const answer = deferred<string>()
  const fetcher = vi.fn(() => answer.promise)
  const early = readFieldCache(field(fetcher), 'never', runtime)
  await expect.poll(() => fetcher.mock.calls.length).toBe(1)
  return { early, answer }
}

describe('an entry that is gone soon after it was stored is fetched again without waiting', () => {
  it('when an older fetch of another process has overwritten it with what no reader may be served', async () => {
    const { early, answer: older } = await slowRead(there)
    const config = field(async () => 'new')
    await invalidateField(config, here.runtime)
    await here.read(config)
    older.resolve('old')
    await early
    const third = await startFieldProcess(redis)
    expect(await readAndCount(third, config)).toEqual({ data: 'new', status: 'miss', commands: 3 })
  })

  it('by those, too, who were waiting for it when that happened', async () => {
    const asleep = deferred<void>()
    const { early, answer: older } = await slowRead(there)
    await invalidateField({ key: 'agents_list' }, here.runtime)
    const { early: holder, answer: newer } = await slowRead(here)
    const waiting = await startFieldProcess(redis)
    const sleep = vi.fn((milliseconds: number) =>
      sleep.mock.calls.length === 1 ? asleep.promise : systemClock.sleep(milliseconds),
    )
    waiting.runtime.ports = { ...waiting.runtime.ports, clock: { ...systemClock, sleep } }
    const waiter = waiting.read(field(async () => 'new'))
    await expect.poll(() => sleep.mock.calls.length).toBe(1)
    newer.resolve('new')
    await holder
    older.resolve('old')
    await early
    asleep.resolve()
    expect(await waiter).toMatchObject({ data: 'new', status: 'miss' })
    expect(sleep).toHaveBeenCalledTimes(1)
  })

  it('when its ttl is shorter than a lease', async () => {
    const config = field(async () => 'value', { ttl: 1 })
    await there.read(config)
    let answer = await readAndCount(here, config)
    while (answer.status === 'hit') {
      await pause(20)
      answer = await readAndCount(here, config)
    }
    expect(answer).toEqual({ data: 'value', status: 'miss', commands: 3 })
  })
})

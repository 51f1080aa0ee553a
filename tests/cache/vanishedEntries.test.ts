import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '@/lib/core-services/cache/engine/ports'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { deferred } from '../support/deferred'
import { type FieldProcess, field, startFieldProcess } from '../support/fieldProcess'
import { redisForThisFile } from '../support/redisSuite'

/**
 * The lease of a fetch that succeeded is not given back. Whoever misses the entry afterwards must not take it for a
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
  const { data, status } = await readFieldCache(config, 'never', process.runtime)
  return { data, status, commands: redis.upstash.counters.commands }
}

describe('an entry that is gone soon after it was stored is fetched again without waiting', () => {
  it('when an older fetch of another process has overwritten it with what nobody may be served', async () => {
    const gate = deferred<string>()
    const early = readFieldCache(
      field(() => gate.promise),
      'never',
      there.runtime,
    )
    await expect.poll(() => redis.upstash.counters.byCommand.MSETNX).toBe(1)
    const config = field(async () => 'new')
    await invalidateField(config, here.runtime)
    await readFieldCache(config, 'never', here.runtime)
    gate.resolve('old')
    await early
    expect(await readAndCount(here, config)).toEqual({ data: 'new', status: 'miss', commands: 3 })
  })

  it('by those, too, who were waiting for it when that happened', async () => {
    const [older, newer, asleep] = [deferred<string>(), deferred<string>(), deferred<void>()]
    const early = readFieldCache(
      field(() => older.promise),
      'never',
      there.runtime,
    )
    await expect.poll(() => redis.upstash.counters.byCommand.MSETNX).toBe(1)
    const fetcher = vi.fn(() => newer.promise)
    const config = field(fetcher)
    await invalidateField(config, here.runtime)
    const holder = readFieldCache(config, 'never', here.runtime)
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    const waiting = await startFieldProcess(redis)
    const sleep = vi.fn((milliseconds: number) =>
      sleep.mock.calls.length === 1 ? asleep.promise : systemClock.sleep(milliseconds),
    )
    waiting.runtime.ports = { ...waiting.runtime.ports, clock: { ...systemClock, sleep } }
    const waiter = readFieldCache(
      field(async () => 'new'),
      'never',
      waiting.runtime,
    )
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
    await readFieldCache(config, 'never', there.runtime)
    let answer = await readAndCount(here, config)
    while (answer.status === 'hit') {
      await pause(20)
      answer = await readAndCount(here, config)
    }
    expect(answer).toEqual({ data: 'value', status: 'miss', commands: 3 })
  })
})

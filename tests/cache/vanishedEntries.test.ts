import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
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

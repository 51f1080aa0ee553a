import { beforeEach, describe, expect } from 'vitest'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { redisForThisFile } from '../kit/redis/redisSuite'
import { type Instance, slowSource, startInstance } from './instances'
import { probe } from './probe'

/** Seconds in which an instance may answer without asking Redis. */
const memoryTtl = 1

const redis = redisForThisFile()
let here: Instance
let there: Instance

beforeEach(async () => {
  await redis.flush()
  here = await startInstance(redis)
  there = await startInstance(redis)
})

describe('a copy in the memory of another instance', () => {
  const invalidations = {
    'a tag': () => invalidateTags(['people'], here.runtime),
    'the field': () => invalidateField({ key: 'agents_list' }, here.runtime),
    'a forced refresh': (source: ReturnType<typeof slowSource>) => here.read(source.config, 'always'),
  }
  for (const [what, invalidate] of Object.entries(invalidations)) {
    probe('memoryOfOthers', `the new value here at once, there after memoryTtl (${what})`, async () => {
      const source = slowSource({ tags: ['people'], memoryTtl })
      source.answer()
      for (const instance of [here, there]) await instance.read(source.config)
      source.set('new')
      await invalidate(source)
      expect((await here.read(source.config)).data).toBe('new')
      there.pass(memoryTtl)
      expect((await there.read(source.config)).data).toBe('new')
    })
  }

  probe('memoryOfOthers', 'the new value at once of a key that it has not read before', async () => {
    const read = slowSource({ key: 'read', tags: ['people'], memoryTtl })
    const unread = slowSource({ key: 'unread', tags: ['people'], memoryTtl })
    for (const source of [read, unread]) {
      source.answer()
      await here.read(source.config)
      source.set('new')
    }
    await there.read(read.config)
    await invalidateTags(['people'], here.runtime)
    expect((await there.read(unread.config)).data).toBe('new')
  })

  probe('memoryOfOthers', 'the new value after memoryTtl, whatever its clock says of the date', async () => {
    for (const seconds of [-3_600, 3_600]) {
      await redis.flush()
      const source = slowSource({ key: `skewed:${seconds}`, tags: ['people'], memoryTtl })
      source.answer()
      there.skew(seconds)
      for (const instance of [here, there]) await instance.read(source.config)
      source.set('new')
      await invalidateTags(['people'], here.runtime)
      there.pass(memoryTtl)
      expect((await there.read(source.config)).data).toBe('new')
    }
  })
})

describe('a copy in memory while Redis is away', () => {
  probe('blackHole', 'answers from memory within memoryTtl without a request', async () => {
    const source = slowSource({ memoryTtl })
    source.answer()
    await here.read(source.config)
    await redis.upstash.faults.set({ kind: 'hang' })
    redis.upstash.resetCounters()
    expect(await here.read(source.config)).toMatchObject({ data: 'old', status: 'hit' })
    expect([source.fetcher.mock.calls.length, redis.upstash.counters.requests]).toEqual([1, 0])
    await redis.upstash.faults.clear()
  })
})

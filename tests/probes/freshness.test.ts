import { beforeEach, describe, expect } from 'vitest'
import type { FieldStore } from '@/lib/core-services/cache/fields/store/fieldStore'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { type Deferred, deferred } from '../kit/clock/deferred'
import { field } from '../kit/fields/fieldProcess'
import { redisForThisFile } from '../kit/redis/redisSuite'
import { type Instance, slowSource, startInstance } from './instances'
import { probe } from './probe'

const redis = redisForThisFile()
let here: Instance
let there: Instance

beforeEach(async () => {
  await redis.flush()
  here = await startInstance(redis)
  there = await startInstance(redis)
})

const both = () => [here, there]

describe('no reader gets a value that was fetched before an invalidation after it', () => {
  const invalidations = {
    deleteDuringFetch: (by: Instance) => invalidateField({ key: 'agents_list' }, by.runtime),
    tagDuringFetch: (by: Instance) => invalidateTags(['people'], by.runtime),
  }
  for (const name of ['deleteDuringFetch', 'tagDuringFetch'] as const) {
    for (const [where, by] of [
      ['the same instance', () => here],
      ['another instance', () => there],
    ] as const) {
      probe(name, `the new value, invalidated by ${where}`, async () => {
        const source = slowSource({ tags: ['people'] })
        const early = here.read(source.config)
        await expect.poll(() => source.fetcher.mock.calls.length).toBe(1)
        source.set('new')
        await invalidations[name](by())
        for (const instance of both()) expect((await instance.read(source.config)).data).toBe('new')
        source.answer()
        expect((await early).data).toBe('old')
        for (const instance of both()) expect((await instance.read(source.config)).data).toBe('new')
      })

      probe(name, `the new value, if the old one lands first, invalidated by ${where}`, async () => {
        const source = slowSource({ tags: ['people'] })
        const early = here.read(source.config)
        await expect.poll(() => source.fetcher.mock.calls.length).toBe(1)
        source.set('new')
        await invalidations[name](by())
        source.answer()
        await early
        for (const instance of both()) expect((await instance.read(source.config)).data).toBe('new')
      })
    }
  }

  for (const seconds of [-3_600, -2, 2, 3_600]) {
    probe('skewedClock', `the new value with a clock ${seconds} s from the others'`, async () => {
      const source = slowSource({ tags: ['people'], staleWhileRevalidate: 60, staleIfError: 60 })
      source.answer()
      await here.read(source.config)
      source.set('new')
      there.skew(seconds)
      await invalidateTags(['people'], there.runtime)
      expect((await here.read(source.config)).data).toBe('new')
    })
  }

  probe('overlappingInvalidations', 'none is undone by the one that lands last', async () => {
    const late = deferred<void>()
    const source = slowSource({ tags: ['people'] })
    const writer = there.read(source.config)
    await expect.poll(() => source.fetcher.mock.calls.length).toBe(1)
    source.set('new')
    const slow = invalidateTags(['people'], (await heldBack(late)).runtime)
    await Promise.all(both().map(({ runtime }) => invalidateTags(['people'], runtime)))
    expect((await here.read(source.config)).data).toBe('new')
    late.resolve()
    await slow
    source.answer()
    await writer
    for (const instance of both()) expect((await instance.read(source.config)).data).toBe('new')
  })
})

/** An instance whose tokens do not arrive at Redis before the gate opens. */
async function heldBack(gate: Deferred<void>): Promise<Instance> {
  const instance = await startInstance(redis)
  const store = await instance.runtime.store()
  const writeTokens: FieldStore['writeTokens'] = async (tokens) => {
    await gate.promise
    await store.writeTokens(tokens)
  }
  instance.runtime.store = async () => ({ ...store, writeTokens })
  return instance
}

describe('a field whose tags were changed in code', () => {
  const before = field(async () => 'fetched before', { tags: ['people'] })
  const after = field(async () => 'fetched after', { tags: ['people', 'sales'] })

  probe('tagsChangedInCode', 'the new value, at once: the tag before is unknown', async () => {
    await here.read(before)
    expect(await there.read(after)).toMatchObject({ data: 'fetched after', status: 'miss' })
  })

  probe(
    'tagsChangedInCode',
    'the new value after the invalidation, also while the old code still runs',
    async () => {
      await here.read(before)
      await there.read(after)
      await invalidateTags(['sales'], here.runtime)
      const refetched = { ...after, fetcher: async () => 'fetched after the invalidation' }
      await here.read(before)
      expect((await there.read(refetched)).data).toBe('fetched after the invalidation')
      expect(await here.read(before)).toMatchObject({ status: 'hit' })
    },
  )
})

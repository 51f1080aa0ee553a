import { beforeEach, describe, expect, it } from 'vitest'
import type { Force } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { codedError } from '@/lib/shared/errors'
import { createTestCache, type TestCache } from '@/lib/testing/testCache'
import { deferred } from '../../../kit/clock/deferred'
import { versionedField } from '../../../kit/fields/versionedField'

let test: TestCache
const { answer, calls, fetcher, people, reset, source } = versionedField()

beforeEach(async () => {
  test = await createTestCache()
  reset()
})

const read = (config = people, force: Force = 'never') => test.read(config, force)

describe('without Redis', () => {
  it('without Redis one fetch answers 60 cold callers: the first one a miss, the others degraded', async () => {
    test.down()
    const answers = await Promise.all(Array.from({ length: 60 }, () => read()))
    expect(answers.map(({ data }) => data)).toEqual(Array(60).fill('v1'))
    expect(answers.map(({ status }) => status)).toEqual(['miss', ...Array(59).fill('degraded')])
    expect(calls()).toBe(1)
  })

  it('without Redis a fetched value answers as degraded for 30 s, also once the circuit is open, and is then fetched again', async () => {
    test.down()
    await read()
    const requests: number[] = []
    for (let second = 1; second < 90; second += 1) {
      test.clock.advance(1_000)
      const before = test.counters.requests
      await read()
      await test.backgroundWork()
      requests.push(test.counters.requests - before)
    }
    expect(calls()).toBe(3)
    expect(test.cache.breaker.transitions.map(({ to }) => to)).toContain('open')
    expect(requests.slice(10, 50)).toEqual(Array(40).fill(0))
  })

  it('without Redis a copy that is being renewed answers at once, for another 30 s at most', async () => {
    test.cache.breaker.forceOpen()
    await read()
    test.clock.advance(30_000)
    const gate = deferred<string>()
    fetcher.mockImplementationOnce(() => gate.promise)
    const renewal = read()
    await expect.poll(() => calls()).toBe(2)
    test.clock.advance(29_999)
    expect(await read()).toMatchObject({ data: 'v1', status: 'degraded', age: 59 })
    test.clock.advance(1)
    const late = read()
    await new Promise(setImmediate)
    gate.resolve('v2')
    expect(await renewal).toMatchObject({ data: 'v2', status: 'miss' })
    expect(await late).toMatchObject({ data: 'v2', status: 'degraded' })
    expect(calls()).toBe(2)
  })

  it('a value fetched without Redis is never a hit, and counts no more once Redis has answered', async () => {
    test.down()
    await read()
    test.up()
    source.version = 2
    test.clock.advance(1)
    // Redis was silent, so this reader does not wait for it; it learns that it answers.
    expect(await read()).toMatchObject({ data: 'v1', status: 'degraded' })
    await test.backgroundWork()
    expect(await read()).toMatchObject({ data: 'v2', status: 'miss' })
    expect(await read()).toMatchObject({ data: 'v2', status: 'hit' })
  })

  it('a value fetched without Redis counts no more once Redis has answered others and fails again', async () => {
    test.down()
    await read()
    test.up()
    test.clock.advance(1)
    await read({ ...people, key: 'others', tags: [] })
    test.down()
    source.version = 2
    expect(await read()).toMatchObject({ data: 'v2', status: 'miss' })
  })

  it('without Redis the value of a force answers later readers, and a force takes nothing from memory', async () => {
    await read()
    test.clock.advance(2_000)
    test.down()
    source.version = 2
    expect(await read(people, 'always')).toMatchObject({ data: 'v2', status: 'miss' })
    expect(await read()).toMatchObject({ data: 'v2', status: 'degraded' })
    source.version = 3
    expect(await read(people, 'always')).toMatchObject({ data: 'v3', status: 'miss' })
  })

  it('without Redis each reader fetches a field that has no memory', async () => {
    const config = { ...people, memoryTtl: 0 }
    await read(config)
    test.down()
    for (const next of [2, 3]) {
      source.version = next
      expect(await read(config)).toMatchObject({ data: `v${next}`, status: 'miss' })
    }
  })

  it('an invalidation that Redis refuses drops the copies of its process, fetched without Redis or not', async () => {
    await read()
    test.down()
    for (const next of [2, 3]) {
      source.version = next
      await expect(invalidateTags(['people'], test.runtime)).rejects.toThrow()
      test.clock.advance(1)
      expect(await read()).toMatchObject({ data: `v${next}`, status: 'miss' })
      expect(await read()).toMatchObject({ data: `v${next}`, status: 'degraded' })
    }
  })

  it('without Redis a fetch that began before an invalidation of its process answers no later read', async () => {
    test.cache.breaker.forceOpen()
    const gate = deferred<string>()
    fetcher.mockImplementationOnce(() => gate.promise)
    const early = read()
    await expect.poll(() => calls()).toBe(1)
    test.clock.advance(1)
    await expect(invalidateTags(['people'], test.runtime)).rejects.toThrow()
    source.version = 2
    const late = read()
    await new Promise(setImmediate)
    gate.resolve('v1')
    expect(await early).toMatchObject({ data: 'v1', status: 'miss' })
    expect((await late).data).toBe('v2')
    expect((await read()).data).toBe('v2')
  })

  it('a reader that joins an invalidated fetch without Redis waits for one more fetch only', async () => {
    test.cache.breaker.forceOpen()
    const gates = [deferred<string>(), deferred<string>()] as const
    for (const { promise } of gates) fetcher.mockImplementationOnce(() => promise)
    const early = read()
    await expect.poll(() => calls()).toBe(1)
    const joining = Array.from({ length: 20 }, () => read())
    await new Promise(setImmediate)
    for (const [index, gate] of gates.entries()) {
      await expect.poll(() => calls()).toBe(index + 1)
      test.clock.advance(1)
      await expect(invalidateTags(['people'], test.runtime)).rejects.toThrow()
      gate.resolve(`gate ${index}`)
    }
    expect(await early).toMatchObject({ data: 'gate 0', status: 'miss' })
    for (const answer of await Promise.all(joining)) {
      expect(answer).toMatchObject({ data: 'gate 1', status: 'miss' })
    }
    expect(calls()).toBe(2)
  })

  it('a reader that joins a fetch longer than its value may be served gets the value of the next one', async () => {
    test.cache.breaker.forceOpen()
    const shortLived = { ...people, ttl: 1 }
    const gate = deferred<string>()
    fetcher.mockImplementationOnce(() => gate.promise)
    const early = read(shortLived)
    await expect.poll(() => calls()).toBe(1)
    test.clock.advance(5_000)
    const late = read(shortLived)
    await new Promise(setImmediate)
    gate.resolve('too old')
    expect((await early).data).toBe('too old')
    expect(await late).toMatchObject({ data: 'v1', status: 'miss' })
  })

  it.each([true, false])(
    'a failing source is left alone for as long as it asks (Redis there: %s)',
    async (there) => {
      if (!there) test.down()
      fetcher.mockImplementation(async () => {
        throw codedError('AIRTABLE_RATE_LIMITED', 'too many requests', { retryAfter: 30 })
      })
      const codes = new Set<unknown>()
      for (let count = 0; count < 50; count += 1) await read().catch(({ code }) => codes.add(code))
      expect(calls()).toBeLessThanOrEqual(2)
      expect([...codes]).toEqual(['SOURCE_FAILED'])
      test.clock.advance(30_000)
      fetcher.mockImplementation(answer)
      expect(await read()).toMatchObject({ data: 'v1', status: 'miss' })
    },
  )

  it('a value fetched without Redis is no last good value once Redis has answered', async () => {
    test.down()
    await read()
    test.up()
    const other = await test.another()
    await other.read(people)
    await invalidateTags(['people'], other.runtime)
    test.clock.advance(1)
    await read({ ...people, key: 'others', tags: [] })
    test.down()
    fetcher.mockRejectedValueOnce(new Error('gone'))
    await expect(read()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('a copy without a tag that its reader names is no last good value: the tag may be invalidated', async () => {
    await read()
    test.down()
    await expect(invalidateTags(['teams'], test.runtime)).rejects.toThrow()
    fetcher.mockRejectedValueOnce(new Error('gone'))
    await expect(read({ ...people, tags: ['teams'] })).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it('a value fetched without Redis for other tags answers no reader whose tag was invalidated', async () => {
    test.down()
    await read()
    await expect(invalidateTags(['teams'], test.runtime)).rejects.toThrow()
    test.clock.advance(1)
    source.version = 2
    const teams = { ...people, tags: ['teams'] }
    expect(await read(teams)).toMatchObject({ data: 'v2', status: 'miss' })
    for (const config of [people, teams]) {
      expect(await read(config)).toMatchObject({ data: 'v2', status: 'degraded' })
    }
  })

  it('a source that failed while Redis was there is left alone when Redis has gone', async () => {
    fetcher.mockImplementation(async () => {
      throw new Error('reset')
    })
    await expect(read()).rejects.toThrow()
    test.down()
    await expect(read()).rejects.toThrow('left alone')
    expect(calls()).toBe(1)
    fetcher.mockImplementation(answer)
  })
})

describe('a Redis that answers reads and refuses writes', () => {
  const refusing = () =>
    createTestCache().then(async (started) => {
      const shared = started.runtime.ports.fetch
      const full = await started.another({
        ports: {
          fetch: async (url, init) => {
            const body = new TextDecoder().decode(init.body as Uint8Array)
            if (!/"(SET|MSET|MSETNX|EVAL)"/i.test(body)) return shared(url, init)
            return Response.json(
              { error: "OOM command not allowed when used memory > 'maxmemory'." },
              { status: 400 },
            )
          },
        },
      })
      return { started, full }
    })

  it('a Redis that refuses writes costs one fetch for 45 reads of a field that has tokens: they confirm its copy', async () => {
    const { started, full } = await refusing()
    await started.read(people)
    const store = await started.runtime.store()
    await store.remove(store.names.entry(people.key))
    // Past the lease of that fetch.
    started.clock.advance(10_000)
    fetcher.mockClear()
    const statuses: string[] = []
    for (let count = 0; count < 45; count += 1) {
      statuses.push((await full.read(people)).status)
      started.clock.advance(1_000)
    }
    expect([statuses[0], ...new Set(statuses.slice(1))]).toEqual(['miss', 'hit'])
    expect(calls()).toBe(1)
  })

  it('a Redis that refuses writes costs one fetch in 30 s for a field without tokens', async () => {
    const { started, full } = await refusing()
    for (let count = 0; count < 45; count += 1) {
      expect((await full.read(people)).data).toBe('v1')
      started.clock.advance(1_000)
    }
    expect(calls()).toBe(2)
  })

  it('a Redis that refuses writes costs one fetch in 30 s for a field that only has the token of another field’s tag', async () => {
    const { started, full } = await refusing()
    await started.read({ ...people, key: 'teams' })
    fetcher.mockClear()
    const statuses: string[] = []
    for (let count = 0; count < 45; count += 1) {
      statuses.push((await full.read(people)).status)
      started.clock.advance(1_000)
    }
    expect([statuses[0], ...new Set(statuses.slice(1, 29))]).toEqual(['miss', 'degraded'])
    expect(calls()).toBe(2)
  })

  it('with a Redis that refuses writes, a value is not served once another instance has changed its tag', async () => {
    const { started, full } = await refusing()
    await started.read({ ...people, key: 'teams' })
    expect((await full.read(people)).data).toBe('v1')
    source.version = 2
    await invalidateTags(['people'], started.runtime)
    expect((await full.read(people)).data).toBe('v2')
  })
})

import { describe, expect, it, vi } from 'vitest'
import { cacheUnavailable, redisBadReply, redisQuota, redisTimeout } from '@/lib/core-services/cache/errors'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { deferred } from '../../../kit/clock/deferred'
import { field, processForEachTest, startFieldProcess } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const server = processForEachTest(redis)

describe('a forced refresh', () => {
  it('a forced refresh fetches although a fresh value is stored, and all readers get the new one', async () => {
    let version = 1
    const config = field(async () => version)
    await server.read(config)
    version = 2
    expect(await server.read(config, 'always')).toMatchObject({
      data: 2,
      status: 'refreshed',
    })
    expect(await (await startFieldProcess(redis)).read(config)).toMatchObject({
      data: 2,
      status: 'hit',
    })
  })

  it('a forced refresh leaves the stored value alone until the new one is there', async () => {
    const gate = deferred<string>()
    await server.read(field(async () => 'old'))
    const forced = server.read(
      field(() => gate.promise),
      'always',
    )
    expect(await server.read(field(async () => 'unused'))).toMatchObject({ data: 'old', status: 'hit' })
    gate.resolve('new')
    expect(await forced).toMatchObject({ data: 'new' })
  })

  it('a forced refresh keeps the old value for all readers when the source fails', async () => {
    await server.read(field(async () => 'old'))
    const failing = field<string>(() => Promise.reject(new Error('down')))
    await expect(server.read(failing, 'always')).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
    expect(await server.read(failing)).toMatchObject({
      data: 'old',
      status: 'hit',
    })
  })

  it('a forced refresh is not undone by an older fetch of the same process that ends later', async () => {
    const slow = deferred<string>()
    const reader = server.read(field(() => slow.promise))
    await expect.poll(() => redis.upstash.counters.requests).toBe(2)
    await server.read(
      field(async () => 'forced'),
      'always',
    )
    slow.resolve('read before the force')
    await reader
    expect(await server.read(field(async () => 'unused'))).toMatchObject({ data: 'forced' })
  })
})

describe('a forced value that Redis does not store', () => {
  /** A store whose writes fail in a certain way, over the real one. */
  async function refusing(failure: Error) {
    const store = await server.runtime.store()
    const revoke = vi.fn(store.revoke)
    server.runtime.store = async () => ({ ...store, writeForced: () => Promise.reject(failure), revoke })
    return revoke
  }

  it.each([
    [
      'a force with purge removes the old value when Redis refuses the new one',
      redisQuota('ERR DB capacity quota exceeded'),
      true,
      1,
    ],
    [
      'a force without purge leaves the old value when Redis refuses the new one',
      redisQuota('ERR DB capacity quota exceeded'),
      false,
      0,
    ],
    [
      'a force with purge removes nothing when the answer to its write is late',
      redisTimeout(250, 'UPSTASH_REDIS_REST_URL'),
      true,
      0,
    ],
    [
      'a force with purge removes nothing when the connection was lost during its write',
      redisBadReply('HTTP 502'),
      true,
      0,
    ],
  ])('%s', async (_, failure, purge, removals) => {
    const revoke = await refusing(failure)
    const refreshed = await forceRefresh(
      server.runtime,
      field(async () => 1),
      'force',
      { purge },
    )
    expect(refreshed.stored).toBe(false)
    expect(revoke).toHaveBeenCalledTimes(removals)
  })

  it('a forced refresh without purge leaves all readers the old value when Redis refuses the new one', async () => {
    await server.read(field(async () => 'old'))
    const remove = await refusing(redisQuota('ERR DB capacity quota exceeded'))
    expect(
      await server.read(
        field(async () => 'new'),
        'always',
      ),
    ).toMatchObject({ data: 'new', status: 'miss' })
    expect(remove).not.toHaveBeenCalled()
  })
})

describe('a force by a caller without a token', () => {
  it('a force without the token starts a cool-down in which others are declined', async () => {
    let version = 0
    const config = field(
      async () => {
        version += 1
        return version
      },
      { anonymousForce: 60 },
    )
    expect(await server.read(config, 'anonymous')).toMatchObject({
      data: 1,
      status: 'refreshed',
    })
    expect(await server.read(config, 'anonymous')).toMatchObject({
      data: 1,
      status: 'cooldown',
    })
    expect(await (await startFieldProcess(redis)).read(config, 'anonymous')).toMatchObject({
      data: 1,
      status: 'cooldown',
    })
    expect(await server.read(config, 'always')).toMatchObject({
      data: 2,
      status: 'refreshed',
    })
  })

  it('a failed force without the token starts the cool-down, too', async () => {
    const fetcher = vi.fn(() => Promise.reject<string>(new Error('down')))
    const config = field(fetcher, { anonymousForce: 60 })
    await expect(server.read(config, 'anonymous')).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
    fetcher.mockImplementation(async () => 'back')
    expect(await server.read(config, 'anonymous')).toMatchObject({ status: 'miss' })
    expect(await server.read(config, 'anonymous')).toMatchObject({ status: 'cooldown' })
  })

  it('a force without the token is declined where the field does not allow it', async () => {
    const fetcher = vi.fn(async () => 1)
    await server.read(field(fetcher))
    expect(await server.read(field(fetcher), 'anonymous')).toMatchObject({
      status: 'cooldown',
    })
    expect(fetcher).toHaveBeenCalledTimes(1)
  })
})

describe('without Redis', () => {
  it('without Redis reads share uncached fetches, and caching resumes when Redis is back', async () => {
    await redis.killEngine()
    const gate = deferred<string>()
    const fetcher = vi.fn(() => gate.promise)
    const reads = Array.from({ length: 10 }, () => server.read(field(fetcher)))
    await expect.poll(() => server.events.of('redis.degraded').length).toBe(10)
    gate.resolve('from the source')
    for (const answer of await Promise.all(reads)) {
      expect(answer).toMatchObject({ data: 'from the source', status: 'miss' })
    }
    // One fetch that ran, and one for all readers that came after it began: they may not join an older one.
    expect(fetcher).toHaveBeenCalledTimes(2)
    await redis.reviveEngine()
    await expect.poll(async () => (await server.read(field(fetcher))).status).toBe('hit')
  })

  it('without Redis a forced refresh answers the fresh value, but does not claim to have stored it', async () => {
    await redis.killEngine()
    expect(
      await server.read(
        field(async () => 1),
        'always',
      ),
    ).toMatchObject({ data: 1, status: 'miss' })
    expect(
      await server.read(
        field(async () => 1, { anonymousForce: 1 }),
        'anonymous',
      ),
    ).toMatchObject({ status: 'miss' })
    await redis.reviveEngine()
  })

  it('a field is fetched although the cache never started', async () => {
    server.runtime.store = () => Promise.reject(cacheUnavailable(new Error('it has not started')))
    expect(await server.read(field(async () => 1))).toMatchObject({ data: 1, status: 'miss' })
    expect(server.events.of('redis.degraded')).toMatchObject([
      { operation: 'read', code: 'CACHE_UNAVAILABLE' },
    ])
  })
})

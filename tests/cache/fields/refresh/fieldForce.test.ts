import { describe, expect, it, vi } from 'vitest'
import { cacheUnavailable, redisBadReply, redisQuota, redisTimeout } from '@/lib/core-services/cache/errors'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { forceRefresh } from '@/lib/core-services/cache/refreshCache'
import { deferred } from '../../../kit/clock/deferred'
import { field, processForEachTest, startFieldProcess } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const server = processForEachTest(redis)

describe('a forced refresh', () => {
  it('fetches although a fresh value is stored, and everybody reads the new one', async () => {
    let version = 1
    const config = field(async () => version)
    await readFieldCache(config, 'never', server.runtime)
    version = 2
    expect(await readFieldCache(config, 'always', server.runtime)).toMatchObject({
      data: 2,
      status: 'refreshed',
    })
    expect(await readFieldCache(config, 'never', (await startFieldProcess(redis)).runtime)).toMatchObject({
      data: 2,
      status: 'hit',
    })
  })

  it('leaves the stored value alone until the new one is there', async () => {
    const gate = deferred<string>()
    await readFieldCache(
      field(async () => 'old'),
      'never',
      server.runtime,
    )
    const forced = readFieldCache(
      field(() => gate.promise),
      'always',
      server.runtime,
    )
    expect(
      await readFieldCache(
        field(async () => 'unused'),
        'never',
        server.runtime,
      ),
    ).toMatchObject({ data: 'old', status: 'hit' })
    gate.resolve('new')
    expect(await forced).toMatchObject({ data: 'new' })
  })

  it('that fails leaves what was there for everybody', async () => {
    await readFieldCache(
      field(async () => 'old'),
      'never',
      server.runtime,
    )
    const failing = field<string>(() => Promise.reject(new Error('down')))
    await expect(readFieldCache(failing, 'always', server.runtime)).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
    expect(await readFieldCache(failing, 'never', server.runtime)).toMatchObject({
      data: 'old',
      status: 'hit',
    })
  })

  it('is not undone by an older fetch of the same process that ends later', async () => {
    const slow = deferred<string>()
    const reader = readFieldCache(
      field(() => slow.promise),
      'never',
      server.runtime,
    )
    await expect.poll(() => redis.upstash.counters.requests).toBe(2)
    await readFieldCache(
      field(async () => 'forced'),
      'always',
      server.runtime,
    )
    slow.resolve('read before the force')
    await reader
    expect(
      await readFieldCache(
        field(async () => 'unused'),
        'never',
        server.runtime,
      ),
    ).toMatchObject({ data: 'forced' })
  })
})

describe('a value that Redis does not take', () => {
  /** A store whose writes fail in a certain way, over the real one. */
  async function refusing(failure: Error) {
    const store = await server.runtime.store()
    const revoke = vi.fn(store.revoke)
    server.runtime.store = async () => ({ ...store, writeForced: () => Promise.reject(failure), revoke })
    return revoke
  }

  it.each([
    ['for certain, with purge', redisQuota('ERR DB capacity quota exceeded'), true, 1],
    ['for certain, without purge', redisQuota('ERR DB capacity quota exceeded'), false, 0],
    ['or perhaps does, the answer being late', redisTimeout(250, 'UPSTASH_REDIS_REST_URL'), true, 0],
    ['or perhaps does, the connection being lost', redisBadReply('HTTP 502'), true, 0],
  ])('%s: removes the old one %#', async (_, failure, purge, removals) => {
    const revoke = await refusing(failure)
    const refreshed = await forceRefresh(
      server.runtime,
      field(async () => 1),
      'force',
      purge,
    )
    expect(refreshed.stored).toBe(false)
    expect(revoke).toHaveBeenCalledTimes(removals)
  })

  it('leaves the old one to everybody after an ordinary forced refresh', async () => {
    await readFieldCache(
      field(async () => 'old'),
      'never',
      server.runtime,
    )
    const remove = await refusing(redisQuota('ERR DB capacity quota exceeded'))
    expect(
      await readFieldCache(
        field(async () => 'new'),
        'always',
        server.runtime,
      ),
    ).toMatchObject({ data: 'new', status: 'miss' })
    expect(remove).not.toHaveBeenCalled()
  })
})

describe('a force by anybody', () => {
  it('is declined inside the cool-down, which the attempt starts', async () => {
    let version = 0
    const config = field(
      async () => {
        version += 1
        return version
      },
      { anonymousForce: 60 },
    )
    expect(await readFieldCache(config, 'anonymous', server.runtime)).toMatchObject({
      data: 1,
      status: 'refreshed',
    })
    expect(await readFieldCache(config, 'anonymous', server.runtime)).toMatchObject({
      data: 1,
      status: 'cooldown',
    })
    expect(await readFieldCache(config, 'anonymous', (await startFieldProcess(redis)).runtime)).toMatchObject(
      {
        data: 1,
        status: 'cooldown',
      },
    )
    expect(await readFieldCache(config, 'always', server.runtime)).toMatchObject({
      data: 2,
      status: 'refreshed',
    })
  })

  it('starts the cool-down by a failed attempt as well', async () => {
    const fetcher = vi.fn(() => Promise.reject<string>(new Error('down')))
    const config = field(fetcher, { anonymousForce: 60 })
    await expect(readFieldCache(config, 'anonymous', server.runtime)).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
    fetcher.mockImplementation(async () => 'back')
    expect(await readFieldCache(config, 'anonymous', server.runtime)).toMatchObject({ status: 'miss' })
    expect(await readFieldCache(config, 'anonymous', server.runtime)).toMatchObject({ status: 'cooldown' })
  })

  it('is never granted where the field does not allow it', async () => {
    const fetcher = vi.fn(async () => 1)
    await readFieldCache(field(fetcher), 'never', server.runtime)
    expect(await readFieldCache(field(fetcher), 'anonymous', server.runtime)).toMatchObject({
      status: 'cooldown',
    })
    expect(fetcher).toHaveBeenCalledTimes(1)
  })
})

describe('without Redis', () => {
  it('reads go on uncached and shared, and caching resumes when it is back', async () => {
    await redis.killEngine()
    const gate = deferred<string>()
    const fetcher = vi.fn(() => gate.promise)
    const reads = Array.from({ length: 10 }, () => readFieldCache(field(fetcher), 'never', server.runtime))
    await expect.poll(() => server.events.of('redis.degraded').length).toBe(10)
    gate.resolve('from the source')
    for (const answer of await Promise.all(reads)) {
      expect(answer).toMatchObject({ data: 'from the source', status: 'miss' })
    }
    // One that ran, and one for all who came after it had begun: they may not join what is older than they are.
    expect(fetcher).toHaveBeenCalledTimes(2)
    await redis.reviveEngine()
    await expect
      .poll(async () => (await readFieldCache(field(fetcher), 'never', server.runtime)).status)
      .toBe('hit')
  })

  it('a forced refresh answers the fresh value, but does not claim to have stored it', async () => {
    await redis.killEngine()
    expect(
      await readFieldCache(
        field(async () => 1),
        'always',
        server.runtime,
      ),
    ).toMatchObject({ data: 1, status: 'miss' })
    expect(
      await readFieldCache(
        field(async () => 1, { anonymousForce: 1 }),
        'anonymous',
        server.runtime,
      ),
    ).toMatchObject({ status: 'miss' })
    await redis.reviveEngine()
  })

  it('a cache that never started does not keep a field from being fetched', async () => {
    server.runtime.store = () => Promise.reject(cacheUnavailable(new Error('it has not started')))
    expect(
      await readFieldCache(
        field(async () => 1),
        'never',
        server.runtime,
      ),
    ).toMatchObject({ data: 1, status: 'miss' })
    expect(server.events.of('redis.degraded')).toMatchObject([
      { operation: 'read', code: 'CACHE_UNAVAILABLE' },
    ])
  })
})

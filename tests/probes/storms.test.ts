import { beforeEach, describe, expect, vi } from 'vitest'
import { deferred } from '../kit/clock/deferred'
import { endCoolDowns } from '../kit/fields/coolDowns'
import { field } from '../kit/fields/fieldProcess'
import { redisForThisFile } from '../kit/redis/redisSuite'
import { type Instance, startInstance } from './instances'
import { probe } from './probe'

const redis = redisForThisFile()
let here: Instance
let there: Instance

beforeEach(async () => {
  await redis.flush()
  here = await startInstance(redis)
  there = await startInstance(redis)
})

const times = <T>(count: number, run: () => T): T[] => Array.from({ length: count }, run)

/** A fetcher that answers, or fails, when the test says so. */
function gatedFetcher() {
  const gate = deferred<string>()
  const fetcher = vi.fn(() => gate.promise)
  return { gate, fetcher, begun: () => expect.poll(() => fetcher.mock.calls.length).toBe(1) }
}

describe('many cold callers', () => {
  probe('coldCallers', '4 commands in 3 requests the first time, 3 in 3 ever after', async () => {
    for (const cost of [
      { commands: 4, requests: 3 },
      { commands: 3, requests: 3 },
    ]) {
      redis.upstash.resetCounters()
      const { gate, fetcher, begun } = gatedFetcher()
      const reads = times(100, () => here.read(field(fetcher, { ttl: 60, staleIfError: 600 })))
      await begun()
      gate.resolve('fetched once')
      for (const { data } of await Promise.all(reads)) expect(data).toBe('fetched once')
      expect(fetcher).toHaveBeenCalledTimes(1)
      expect(redis.upstash.counters).toMatchObject(cost)
      here.pass(100)
    }
  })

  probe('coldInstances', '1 fetch', async () => {
    const { gate, fetcher, begun } = gatedFetcher()
    const reads = [here, there].flatMap((instance) => times(10, () => instance.read(field(fetcher))))
    await begun()
    gate.resolve('fetched once')
    for (const { data } of await Promise.all(reads)) expect(data).toBe('fetched once')
    expect(fetcher).toHaveBeenCalledTimes(1)
  })
})

describe('a source that fails', () => {
  probe('callersOfFailingFetch', '1 fetch, and all of them get its error', async () => {
    const { gate, fetcher, begun } = gatedFetcher()
    const reads = times(20, () => here.read(field(fetcher)))
    const failures = Promise.allSettled(reads)
    await begun()
    gate.reject(new Error('the source is down'))
    for (const failure of await failures) {
      expect(failure).toMatchObject({ status: 'rejected', reason: { code: 'SOURCE_FAILED' } })
    }
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  probe('callersOfFailingFetch', '1 fetch for those of the next moment, too, wherever they are', async () => {
    const fetcher = vi.fn(() => Promise.reject<string>(new Error('the source is down')))
    for (const instance of [here, there, here, there]) {
      const failures = await Promise.allSettled(times(20, () => instance.read(field(fetcher))))
      for (const failure of failures) {
        expect(failure).toMatchObject({ status: 'rejected', reason: { code: 'SOURCE_FAILED' } })
      }
    }
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  const windows = {
    'which may be served while it is refreshed': { staleWhileRevalidate: 600 },
    'which may be served when the source fails': { staleIfError: 600 },
    'which may be served for either reason': { staleWhileRevalidate: 50, staleIfError: 600 },
  }
  for (const [which, window] of Object.entries(windows)) {
    probe(
      'readsWhileFailing',
      `2 calls per cool-down at most, and no error, for a value ${which}`,
      async () => {
        const fetcher = vi.fn(async () => 'good')
        const config = field(fetcher, { ttl: 60, ...window })
        await here.read(config)
        fetcher.mockRejectedValue(new Error('the source is down'))
        for (const instance of [here, there]) instance.pass(61)
        for (let coolDown = 1; coolDown <= 2; coolDown += 1) {
          fetcher.mockClear()
          // Two seconds for both instances, each of which reads every 20 ms.
          for (let read = 0; read < 100; read += 1) {
            for (const instance of [here, there]) {
              expect((await instance.read(config)).data).toBe('good')
              await instance.finishBackgroundWork()
              instance.pass(0.02)
            }
          }
          expect([1, 2]).toContain(fetcher.mock.calls.length)
          await endCoolDowns(redis)
          for (const instance of [here, there]) instance.pass(5)
        }
      },
    )
  }
})

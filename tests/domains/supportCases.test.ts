import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type CaseMessageList,
  SupportCacheService,
  type SupportCaseList,
  supportCache,
} from '@/lib/domains/support/supportCases'
import { deferred } from '../kit/clock/deferred'
import { cacheFor } from '../kit/fields/cache'
import { processForEachTest, startFieldProcess, storedEntry } from '../kit/fields/fieldProcess'
import { redisForThisFile } from '../kit/redis/redisSuite'

const ACCOUNT = '001xx000003EgI1AAK'
const CASE = '500xx000001XyZAAA0'

const redis = redisForThisFile()
const server = processForEachTest(redis)
let support: SupportCacheService
beforeEach(() => {
  support = new SupportCacheService(() => server.runtime)
})

const caseList = (...subjects: string[]): SupportCaseList => ({
  cases: subjects.map((subject, index) => ({
    id: `500${index}`,
    caseNumber: `0000${index}`,
    subject,
    status: 'New',
    priority: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-02T00:00:00.000Z',
  })),
  totalCount: subjects.length,
})

const messageList = (...bodies: string[]): CaseMessageList => ({
  caseId: CASE,
  messages: bodies.map((body, index) => ({
    id: `msg${index}`,
    body,
    author: 'Ana',
    fromCustomer: true,
    createdAt: '2026-01-01T00:00:00.000Z',
  })),
})

const readList = (...subjects: string[]) => support.getCaseList(ACCOUNT, async () => caseList(...subjects))
const readMessages = (...bodies: string[]) =>
  support.getCaseMessages(CASE, async () => messageList(...bodies))

describe('support cases', () => {
  it('answers the list of an account and the messages of a case from the fetcher of the caller (S0-05, S0-06)', async () => {
    expect(await readList('Broken modem')).toEqual(caseList('Broken modem'))
    expect(await readMessages('Hello')).toEqual(messageList('Hello'))
  })

  it('keeps a list for 120 s and messages for 60 s, under the keys of the portal (S0-02, S0-03, S0-14)', async () => {
    await readList('Broken modem')
    await readMessages('Hello')
    const { cache } = cacheFor(redis)
    await cache.initialize()
    expect(await cache.keysByPattern('*')).toEqual([`support:cases:${ACCOUNT}`, `support:messages:${CASE}`])
    let passedMs = 0
    const { clock } = server.runtime.ports
    server.runtime.ports = {
      ...server.runtime.ports,
      clock: { ...clock, now: () => clock.now() + passedMs, monotonic: () => clock.monotonic() + passedMs },
    }
    passedMs = 59_000
    expect(await readMessages('newer')).toEqual(messageList('Hello'))
    passedMs = 60_000
    expect(await readMessages('newer')).toEqual(messageList('newer'))
    passedMs = 119_000
    expect(await readList('newer')).toEqual(caseList('Broken modem'))
    passedMs = 120_000
    expect(await readList('newer')).toEqual(caseList('newer'))
  })

  it('keeps an id with separators in it from reaching the keys of others (S0-14)', async () => {
    await support.getCaseList('a:b*', async () => caseList('odd'))
    expect(await storedEntry(server.runtime, 'support:cases:a%3Ab%2A')).not.toBeNull()
  })

  it('begins with counters at 0, and hands out copies of them (S0-10)', async () => {
    const zero = { caseList: { hits: 0, misses: 0 }, messages: { hits: 0, misses: 0 }, invalidations: 0 }
    const metrics = support.getMetrics()
    expect(metrics).toEqual(zero)
    metrics.caseList.hits = 7
    expect(support.getMetrics()).toEqual(zero)
  })

  it('counts a hit for what was cached and a miss for what was fetched, each in its bucket (S0-11)', async () => {
    await readList('one')
    await readList('two')
    await readList('three')
    await readMessages('Hello')
    expect(support.getMetrics()).toEqual({
      caseList: { hits: 2, misses: 1 },
      messages: { hits: 0, misses: 1 },
      invalidations: 0,
    })
  })

  it('lets concurrent callers share one fetch; the others count neither hit nor miss (S0-12)', async () => {
    const gate = deferred<SupportCaseList>()
    const fetcher = vi.fn(() => gate.promise)
    const reads = Array.from({ length: 10 }, () => support.getCaseList(ACCOUNT, () => fetcher()))
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    gate.resolve(caseList('shared'))
    expect(await Promise.all(reads)).toEqual(reads.map(() => caseList('shared')))
    expect(fetcher).toHaveBeenCalledTimes(1)
    expect(support.getMetrics().caseList).toEqual({ hits: 0, misses: 1 })
  })

  it('shares one fetch with another process, which counts neither hit nor miss (S0-12)', async () => {
    const other = await startFieldProcess(redis)
    const elsewhere = new SupportCacheService(() => other.runtime)
    const gate = deferred<SupportCaseList>()
    const fetcher = vi.fn(() => gate.promise)
    const first = support.getCaseList(ACCOUNT, fetcher)
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    const second = elsewhere.getCaseList(ACCOUNT, fetcher)
    await expect.poll(() => other.events.of('lease.held').length).toBe(1)
    gate.resolve(caseList('shared'))
    expect(await Promise.all([first, second])).toEqual([caseList('shared'), caseList('shared')])
    expect(fetcher).toHaveBeenCalledTimes(1)
    expect(elsewhere.getMetrics().caseList).toEqual({ hits: 0, misses: 0 })
  })

  it('rejects every caller of a failed fetch, and caches nothing (S0-13)', async () => {
    const gate = deferred<SupportCaseList>()
    const fetcher = vi.fn(() => gate.promise)
    const reads = [1, 2, 3].map(() => support.getCaseList(ACCOUNT, fetcher))
    await expect.poll(() => fetcher.mock.calls.length).toBe(1)
    const cause = new Error('Salesforce is down')
    gate.reject(cause)
    for (const read of await Promise.allSettled(reads))
      expect(read).toMatchObject({ status: 'rejected', reason: { code: 'SOURCE_FAILED', cause } })
    expect(await storedEntry(server.runtime, `support:cases:${ACCOUNT}`)).toBeNull()
    expect(support.getMetrics().caseList).toEqual({ hits: 0, misses: 1 })
  })

  it('refuses a value that is not a list of cases instead of caching it', async () => {
    const read = support.getCaseList(ACCOUNT, async () => ({ cases: 'none' }) as never)
    await expect(read).rejects.toMatchObject({ code: 'SOURCE_INVALID' })
  })
})

describe('after a write of the customer', () => {
  beforeEach(async () => {
    await readList('before')
    await readMessages('before')
  })

  it('the list is fetched anew once it is invalidated, and the messages stay (S0-07)', async () => {
    await support.invalidateCaseList(ACCOUNT)
    expect(await readList('after')).toEqual(caseList('after'))
    expect(await readMessages('after')).toEqual(messageList('before'))
    expect(support.getMetrics().invalidations).toBe(1)
  })

  it('the messages are fetched anew once they are invalidated, and the list stays (S0-08)', async () => {
    await support.invalidateCaseMessages(CASE)
    expect(await readMessages('after')).toEqual(messageList('after'))
    expect(await readList('after')).toEqual(caseList('before'))
    expect(support.getMetrics().invalidations).toBe(1)
  })

  it('invalidates the list of an account and the messages of a case in one request (S0-09)', async () => {
    await support.invalidateAllForAccount(ACCOUNT)
    expect(support.getMetrics().invalidations).toBe(1)
    expect(await readMessages('after')).toEqual(messageList('before'))
    redis.upstash.resetCounters()
    await support.invalidateAllForAccount(ACCOUNT, CASE)
    expect(redis.upstash.counters).toMatchObject({ requests: 1, commands: 2 })
    expect(support.getMetrics().invalidations).toBe(3)
    expect(await readList('after')).toEqual(caseList('after'))
    expect(await readMessages('after')).toEqual(messageList('after'))
  })

  it('every other instance shows a write at once, even if it has just read the value before (S0-15)', async () => {
    const elsewhere = new SupportCacheService(
      await startFieldProcess(redis).then(
        ({ runtime }) =>
          () =>
            runtime,
      ),
    )
    expect(await elsewhere.getCaseList(ACCOUNT, async () => caseList('other'))).toEqual(caseList('before'))
    await support.invalidateAllForAccount(ACCOUNT, CASE)
    expect(await elsewhere.getCaseList(ACCOUNT, async () => caseList('after'))).toEqual(caseList('after'))
  })

  it('rejects an invalidation that Redis has not recorded, and has counted the attempt (S0-07)', async () => {
    await redis.killEngine()
    await expect(support.invalidateCaseList(ACCOUNT)).rejects.toMatchObject({ code: 'INVALIDATION_FAILED' })
    expect(support.getMetrics().invalidations).toBe(1)
    await redis.reviveEngine()
  })
})

describe('the support cache of a process', () => {
  it('a process has one support cache, with one set of counters', () => {
    expect(supportCache()).toBe(supportCache())
  })
})

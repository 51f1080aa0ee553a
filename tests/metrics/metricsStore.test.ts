import { beforeEach, describe, expect, it } from 'vitest'
import { redisCircuitOpen } from '@/lib/core-services/cache/errors'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { type Counts, emptyCounts, getLast, keepLast, toName } from '@/lib/core-services/metrics/counts'
import { createMetricsStore, type MetricsStore } from '@/lib/core-services/metrics/metricsStore'
import { cacheFor } from '../kit/fields/cache'
import { redisForThisFile } from '../kit/redis/redisSuite'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOON = Date.UTC(2026, 5, 1, 12)

const redis = redisForThisFile()
const keys = createKeySpace({ prefix: 'test', version: 'v1', maxLength: 250 })

async function createInstanceStore(): Promise<MetricsStore> {
  const { cache } = cacheFor(redis)
  await cache.initialize()
  return createMetricsStore({ send: cache.internals.send, keys })
}

let store: MetricsStore

beforeEach(async () => {
  await redis.flush()
  store = await createInstanceStore()
  redis.upstash.resetCounters()
})

const toCounts = (sums: Record<string, number>): Counts => ({
  ...emptyCounts(),
  sums: new Map(Object.entries(sums)),
})
const reporter = (id: string) => ({ id, startedAt: NOON, breaker: 'closed' as const, locks: 0 })
const plain = (map: ReadonlyMap<string, unknown>) => Object.fromEntries(map)

describe('counts of several instances in Redis', () => {
  it('counts of instances are added up in the total, in their minute and in their hour', async () => {
    const other = await createInstanceStore()
    await store.add({ number: 1, counts: toCounts({ a: 2, b: 0.5 }) }, reporter('one'), NOON)
    await other.add({ number: 1, counts: toCounts({ a: 1, c: 7 }) }, reporter('two'), NOON + 30_000)
    await other.add({ number: 2, counts: toCounts({ a: 10 }) }, reporter('two'), NOON + MINUTE)
    const { since, total, minutes, hours, live } = await store.read(NOON + MINUTE)
    expect(since).toBe(NOON)
    expect(plain(total.sums)).toEqual({ a: 13, b: 0.5, c: 7 })
    expect(minutes.slice(-2).map(({ at, sums }) => [at, plain(sums)])).toEqual([
      [NOON, { a: 3, b: 0.5, c: 7 }],
      [NOON + MINUTE, { a: 10 }],
    ])
    expect(hours.map(({ sums }) => sums.get('a')).filter((sum) => sum !== undefined)).toEqual([13])
    expect(live.toSorted((one, other) => one.seenAt - other.seenAt)).toEqual([
      { ...reporter('one'), seenAt: NOON },
      { ...reporter('two'), seenAt: NOON + MINUTE },
    ])
  })

  it('names with any text stay apart, and large numbers exact', async () => {
    const name = toName('read', 'a=b;c|d:e%,f', 'hit')
    const large = 2 ** 49 + 1
    await store.add({ number: 1, counts: toCounts({ [name]: large }) }, reporter('one'), NOON)
    await store.add({ number: 2, counts: toCounts({ [name]: 2 }) }, reporter('one'), NOON)
    expect(plain((await store.read(NOON)).total.sums)).toEqual({ [name]: large + 2 })
  })

  it('of last events the latest is kept, from whichever instance', async () => {
    const said = (at: number, text: string) => {
      const counts = emptyCounts()
      keepLast(counts, 'failure', at, [text, 1])
      return counts
    }
    await store.add({ number: 1, counts: said(NOON, 'first') }, reporter('one'), NOON)
    await store.add({ number: 1, counts: said(NOON + 2, 'last, with a comma') }, reporter('two'), NOON)
    await store.add({ number: 2, counts: said(NOON + 1, 'late to tell') }, reporter('one'), NOON)
    expect(getLast((await store.read(NOON)).total, 'failure')).toEqual([NOON + 2, 'last, with a comma', '1'])
  })
})

describe('a batch of metrics that is sent again', () => {
  it('a batch that is sent twice is added once, and so is the next one', async () => {
    const batch = { number: 1, counts: toCounts({ a: 1 }) }
    await store.add(batch, reporter('one'), NOON)
    expect(await store.add(batch, reporter('one'), NOON)).toBe(2)
    await store.add({ number: 2, counts: toCounts({ a: 5 }) }, reporter('one'), NOON)
    expect((await store.read(NOON)).total.sums.get('a')).toBe(6)
  })

  it('a batch is added once, however long its instance was frozen after the answer was lost', async () => {
    const batch = { number: 1, counts: toCounts({ a: 100 }) }
    await store.add(batch, reporter('one'), NOON)
    for (const minutes of [14, 16, 21, 90]) {
      const thawed = NOON + minutes * MINUTE
      await store.add(batch, reporter('one'), thawed)
      expect((await store.read(thawed)).total.sums.get('a')).toBe(100)
      await store.add({ number: minutes, counts: toCounts({}) }, reporter('two'), thawed)
    }
    const later = NOON + 90 * MINUTE
    await store.add({ number: 2, counts: toCounts({ a: 1 }) }, reporter('one'), later)
    expect((await store.read(later)).total.sums.get('a')).toBe(101)
  })

  it('a batch that never reached Redis is added, however late', async () => {
    const { cache } = cacheFor(redis)
    await cache.initialize()
    const { send } = cache.internals
    let down = true
    const here = createMetricsStore({
      send: (...command) => (down ? Promise.reject(redisCircuitOpen()) : send(...command)),
      keys,
    })
    const batch = { number: 1, counts: toCounts({ a: 7 }) }
    await expect(here.add(batch, reporter('one'), NOON)).rejects.toMatchObject({ code: 'REDIS_CIRCUIT_OPEN' })
    down = false
    await here.add(batch, reporter('one'), NOON + HOUR)
    expect((await here.read(NOON + HOUR)).total.sums.get('a')).toBe(7)
  })
})

describe('slots of minutes and hours', () => {
  it('slots are read without gaps: an hour of minutes, a day of hours, and the current ones', async () => {
    const { minutes, hours } = await store.read(NOON)
    expect(minutes.map(({ at }) => (NOON - at) / MINUTE)).toEqual(
      Array.from({ length: 61 }, (_, i) => 60 - i),
    )
    expect(hours.map(({ at }) => (NOON - at) / HOUR)).toEqual(Array.from({ length: 25 }, (_, i) => 24 - i))
  })

  it('a slot holds nothing of the last round of its ring', async () => {
    await store.add({ number: 1, counts: toCounts({ a: 1 }) }, reporter('one'), NOON)
    const later = NOON + 30 * HOUR
    await store.add({ number: 2, counts: toCounts({ a: 10 }) }, reporter('one'), later)
    const { total, hours, minutes } = await store.read(later)
    expect(total.sums.get('a')).toBe(11)
    expect([hours.at(-1)?.sums.get('a'), minutes.at(-1)?.sums.get('a')]).toEqual([10, 10])
    const before = await (await createInstanceStore()).read(later - 75 * MINUTE)
    expect(before.minutes.at(-1)?.sums.size).toBe(0)
  })

  it('slots that are over are read from Redis once', async () => {
    await store.add({ number: 1, counts: toCounts({ a: 1 }) }, reporter('one'), NOON)
    const long = { ...toCounts(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`name${i}`, 1]))) }
    await store.add({ number: 2, counts: long }, reporter('one'), NOON + MINUTE)
    const later = NOON + 2 * HOUR - MINUTE
    const measureRead = async (now: number) => {
      redis.upstash.resetCounters()
      const { minutes } = await store.read(now)
      const { bytesIn, commands } = redis.upstash.counters
      return { bytesIn, commands, slots: minutes.length }
    }
    const first = await measureRead(later)
    const second = await measureRead(later)
    expect([first.commands, second.commands]).toEqual([1, 1])
    expect(second.bytesIn).toBeLessThan(first.bytesIn / 3)
    expect(second.slots).toBe(61)
  })

  it('an instance whose clock is behind does not bring old slots back, and its counts stay in the total', async () => {
    const ahead = NOON + 75 * MINUTE
    await store.add({ number: 1, counts: toCounts({ a: 1 }) }, reporter('one'), ahead)
    await store.add({ number: 1, counts: toCounts({ a: 10 }) }, reporter('behind'), NOON)
    const { total, minutes } = await store.read(ahead)
    expect(total.sums.get('a')).toBe(11)
    expect(minutes.at(-1)?.sums.get('a')).toBe(1)
  })
})

describe('the cost of stored metrics', () => {
  const countsIn = (field: number) =>
    Array.from({ length: 60 }, (_, index) => [toName('read', `field-${field}`, index), 1] as const)
  const everything = toCounts(
    Object.fromEntries(Array.from({ length: 100 }, (_, field) => countsIn(field)).flat()),
  )

  it('a report costs 3 billed commands in one request for any number of counts, and 4 for the first of an hour', async () => {
    expect(await store.add({ number: 1, counts: everything }, reporter('one'), NOON)).toBe(4)
    expect(await store.add({ number: 2, counts: everything }, reporter('one'), NOON + 1)).toBe(3)
    expect(await store.add({ number: 3, counts: everything }, reporter('one'), NOON + HOUR)).toBe(4)
    expect(redis.upstash.counters).toMatchObject({ requests: 3, commands: 3, byCommand: { EVAL: 3 } })
    const { total } = await store.read(NOON + HOUR)
    expect([total.sums.size, total.sums.get('read:field-99:59')]).toEqual([6_000, 3])
  })

  it('metrics are one key that expires a month after the last hour in which something was added', async () => {
    const { cache } = cacheFor(redis)
    await cache.initialize()
    await store.add({ number: 1, counts: everything }, reporter('one'), NOON)
    const [cursor, names] = await cache.redis.exec<[string, string[]]>(['SCAN', '0', 'COUNT', 1000])
    expect([cursor, names]).toEqual(['0', [keys.internal('metrics', 'all')]])
    expect(await cache.redis.exec(['TTL', names[0] ?? ''])).toBeGreaterThan(29 * 86_400)
  })

  it('stored metrics do not grow past their limit of counts', async () => {
    for (const batch of [1, 2, 3]) {
      const names = Array.from({ length: 6_000 }, (_, index) => [`name-${batch}-${index}`, 1] as const)
      await store.add({ number: batch, counts: toCounts(Object.fromEntries(names)) }, reporter('one'), NOON)
    }
    const { total } = await store.read(NOON)
    expect(total.sums.size).toBe(10_000)
    expect(total.sums.get('name-1-0')).toBe(1)
  })

  it('instances without a report for 20 minutes are forgotten', async () => {
    await store.add({ number: 1, counts: toCounts({ a: 1 }) }, reporter('gone'), NOON)
    await store.add({ number: 1, counts: toCounts({ a: 1 }) }, reporter('here'), NOON + 21 * MINUTE)
    expect((await store.read(NOON + 21 * MINUTE)).live.map(({ id }) => id)).toEqual(['here'])
  })
})

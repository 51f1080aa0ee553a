import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MetricsSnapshot } from '@/lib/core-services/metrics/snapshot'
import { type CountedSource, startCountedSource } from '../kit/process/countedSource'
import { type Site, startSite } from '../kit/process/sites'
import { startTestRedis, type TestRedis } from '../kit/redis/testRedis'
import { parsePrometheusText } from '../kit/text/prometheusText'

/** An instance tells the others after an answer once 15 s have passed, 60 s while it is quiet. */
const INTERVAL = 61
/** What telling costs, in billed commands; one more in the first batch of an hour. */
const TELLING = 3

let redis: TestRedis
let source: CountedSource
let sites: [Site, Site]

beforeAll(async () => {
  redis = await startTestRedis()
  source = await startCountedSource()
  sites = await Promise.all([startSite(redis, source.url), startSite(redis, source.url)])
})
afterAll(async () => {
  await Promise.all(sites.map((site) => site.kill()))
  await source.close()
  await redis.stop()
})

const told = () => redis.upstash.counters.byCommand.EVAL ?? 0

async function readInTurn(times: number): Promise<void> {
  for (let read = 0; read < times; read += 1) {
    const { status } = await (sites[read % 2] as Site).get('/api/fields/watched')
    expect(status).toBe(200)
  }
}

/** Lets an interval pass and reads once through each, which makes them tell. */
async function tell(...tellers: Site[]): Promise<void> {
  const before = told()
  for (const site of tellers) {
    await site.pass(INTERVAL)
    await site.get('/api/fields/watched')
  }
  await expect.poll(told).toBe(before + tellers.length)
}

async function fetchCounters(site: Site): Promise<Map<string, number>> {
  const families = [...parsePrometheusText((await site.get('/api/metrics')).text).values()]
  const counters = families.filter(({ type }) => type === 'counter' || type === 'histogram')
  return new Map(
    counters.flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => [`${name} ${Object.values(labels)}`, value] as const),
    ),
  )
}

async function fetchMetrics(site: Site): Promise<MetricsSnapshot> {
  return JSON.parse((await site.get('/api/health/cache')).text).metrics
}

const READS = 'field_cache_reads_total watched,hit'

it('both instances report the sum of both, in metrics and in health, after one interval', async () => {
  await readInTurn(20)
  await tell(...sites)
  const [one, other] = await Promise.all(sites.map(fetchCounters))
  expect(one).toEqual(other)
  // Of 22 reads, one was a miss.
  expect(one?.get(READS)).toBe(21)
  expect(one?.get('field_cache_source_calls_total watched')).toBe(1)
  for (const site of sites) {
    const { total, windows, instances, fields } = await fetchMetrics(site)
    expect(total.fields.reads).toMatchObject({ hit: 21, miss: 1 })
    expect(windows['5m'].fields.hitRate).toBeCloseTo(21 / 22)
    expect(fields.watched?.lastSuccess?.stored).toBe(true)
    expect(instances).toHaveLength(2)
  }
})

it('a hit costs one command, and sending counts a bounded number in one request for each instance and interval', async () => {
  await tell(...sites)
  const before = await fetchCounters(sites[0])
  redis.upstash.resetCounters()
  await readInTurn(100)
  expect(redis.upstash.counters).toMatchObject({ requests: 100, byCommand: { MGET: 100 } })
  redis.upstash.resetCounters()
  await tell(...sites)
  expect(redis.upstash.counters.byCommand).toEqual({ MGET: 2, EVAL: 2 })
  await tell(...sites)
  const after = await fetchCounters(sites[0])
  const spent = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  expect(spent(READS)).toBe(104)
  const reading = 1
  // The cost of sending counts is itself sent with the next batch. The first batch of an hour costs one more.
  expect(spent('field_cache_metrics_commands_total ') - reading).toBeGreaterThanOrEqual(2 * 2 * TELLING)
  expect(spent('field_cache_metrics_commands_total ') - reading).toBeLessThanOrEqual(2 * 2 * (TELLING + 1))
  expect(spent('field_cache_field_redis_commands_total watched')).toBe(104)
})

it('counters never fall, whichever instance answers', async () => {
  let before = await fetchCounters(sites[0])
  for (let round = 0; round < 6; round += 1) {
    await readInTurn(3)
    if (round % 2 === 0) await tell(sites[round % 4 === 0 ? 0 : 1] as Site)
    const now = await fetchCounters(sites[round % 2] as Site)
    for (const [name, value] of before)
      expect([name, now.get(name)]).toEqual([name, expect.toSatisfy((next) => next >= value)])
    before = now
  }
})

it('killing an instance loses only the counts that it has not sent', async () => {
  const [dies, stays] = sites
  await tell(...sites)
  await tell(...sites)
  const before = (await fetchCounters(stays)).get(READS) ?? 0
  for (let read = 0; read < 7; read += 1) await dies.get('/api/fields/watched')
  await dies.kill()
  for (let read = 0; read < 5; read += 1) await stays.get('/api/fields/watched')
  await tell(stays)
  expect((await fetchCounters(stays)).get(READS)).toBe(before + 5 + 1)
})

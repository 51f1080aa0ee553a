/** What other releases, dashboards and monitors rely on, byte for byte: the hash in Redis, the JSON and the Prometheus text. */
import { beforeAll, expect, it } from 'vitest'
import { GET as getCacheHealth } from '@/app/api/health/cache/route'
import { GET as getMetrics } from '@/app/api/metrics/route'
import { countEvent, createProcessMetrics } from '@/lib/core-services/metrics/metricsService'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { defaultPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { manualClock } from '@/lib/testing/clock'
import { setEnvironment } from '../kit/process/environment'
import { redisForThisFile } from '../kit/redis/redisSuite'

const TOKEN = 'metrics-token-of-the-tests'
const HOUR_MS = 3_600_000

const redis = redisForThisFile()
const clock = manualClock()
const deferred: (() => Promise<void>)[] = []
let instances = 0

const request = { type: 'redis.requested', command: 'mget', requests: 1, bytesReceived: 9 } as const
const webhook = { webhook: 'ach1', base: 'app1' } as const
const lock = { names: ['cron'], attempts: 1, durationMs: 1 } as const
const run = {
  type: 'cron.finished',
  webhooks: [],
  unfinished: 0,
  refreshed: 0,
  fresh: 0,
  skipped: 3,
} as const

const listFieldEvents = (field: string): FieldCacheEvent[] => [
  ...(['hit', 'hit', 'stale', 'miss', 'refreshed', 'degraded', 'cooldown'] as const).map((status, index) => ({
    ...({ type: 'field.read', field, status, ageSeconds: 1, durationMs: 4 ** index / 10 } as const),
  })),
  { type: 'field.failed', field, code: 'SOURCE_FAILED', durationMs: 1 },
  { type: 'field.charged', field, commands: 1 / 3, bytesRead: 70, bytesWritten: 0 },
  { type: 'lease.taken', field },
  { type: 'refresh.started', field, reason: 'cron' },
  {
    ...({ type: 'refresh.finished', field, reason: 'cron', durationMs: 30.4, bytes: 900 } as const),
    ...{ items: 7, stored: true },
  },
  {
    ...({ type: 'refresh.finished', field, reason: 'force', durationMs: 60_000, bytes: 4 } as const),
    ...{ items: null, stored: false },
  },
  {
    ...({ type: 'refresh.failed', field, reason: 'stale', durationMs: 9.6, code: 'SOURCE_FAILED' } as const),
    ...{ cause: 'HTTP 503, "busy"; a=b|c', message: 'm' },
  },
  { type: 'refresh.paused', field, reason: 'miss', durationMs: 9, done: 'page 3' },
  { type: 'field.synced', field, how: 'records', why: null, records: 1, pending: 0 },
]

const systemEvents: FieldCacheEvent[] = [
  { ...request, commands: 1, bytesSent: 10, durationMs: 2, code: null },
  { ...request, commands: 40, bytesSent: 11, durationMs: 260, code: 'REDIS_TIMEOUT' },
  { ...request, commands: 4, bytesSent: 12, durationMs: 0.1, code: 'REDIS_"FULL"\\\n' },
  { type: 'redis.retried', command: 'mget', code: 'REDIS_UNREACHABLE' },
  { type: 'breaker.changed', from: 'open', to: 'half-open' },
  { type: 'lock.acquired', ...lock },
  { type: 'lock.refused', ...lock },
  { type: 'lock.lost', names: ['cron'] },
  { type: 'field.invalidated', guards: ['tag:a', 'tag:b'] },
  { type: 'airtable.requested', code: null },
  { type: 'airtable.requested', code: 'AIRTABLE_RATE_LIMITED' },
  { type: 'webhook.pinged', ...webhook, replayed: false },
  { type: 'webhook.processed', ...webhook, cause: 'ping', durationMs: 1 },
  { type: 'webhook.failed', ...webhook, code: 'C', message: 'm' },
  { type: 'webhook.dead', webhook: 'ach1', base: null, why: 'gone', hint: 'h' },
  { ...run, durationMs: 1_234.5, fresh: 2, failed: 1, unfinished: 4 },
  { ...run, durationMs: 3, failed: 0 },
]

const flaws: FieldCacheEvent = {
  ...({ type: 'source.flawed', field: 'agents', records: 20, unreadable: 7, why: 'TypeError' } as const),
  ...{ erroneous: 2, errors: 3, ids: ['rec1', 'rec2', 'rec3', 'rec4', 'rec5', 'rec6'] },
}

/** Counts the events in a new instance, which then reports them. */
async function countIn(...events: readonly FieldCacheEvent[]): Promise<void> {
  setProcessState('metrics', createProcessMetrics())
  for (const event of events) countEvent(event)
  for (const work of deferred.splice(0)) await work()
}

const asked = () => new Request('http://localhost/', { headers: { authorization: `Bearer ${TOKEN}` } })

beforeAll(async () => {
  setEnvironment({
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    AIRTABLE_API_KEY: 'pat',
    METRICS_TOKEN: TOKEN,
  })
  await redis.flush()
  setProcessState('ports', {
    ...defaultPorts,
    clock,
    emit: () => undefined,
    defer: (work: () => Promise<void>) => deferred.push(work),
    uniqueToken() {
      instances += 1
      return `instance-00${instances}`
    },
  })
  await countIn(...listFieldEvents('agents'), ...systemEvents, flaws)
  clock.advance(2 * HOUR_MS)
  await countIn(...listFieldEvents('orders:account:4711'), ...listFieldEvents('agents').slice(0, 9))
  clock.advance(90_000)
  // The instance that answers has counted something that it has not reported.
  countEvent({ type: 'field.failed', field: 'agents', code: 'SOURCE_FAILED', durationMs: 1 })
})

it('the hash in Redis has the names and texts that other releases read', async () => {
  const cache = await serviceRegistry.getService('cache')
  const [key = ''] = (await cache.redis.exec<[string, string[]]>(['SCAN', '0', 'MATCH', '*metrics*']))[1]
  const flat = await cache.redis.exec<string[]>(['HGETALL', key])
  const fields = flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []))
  // The script writes the counts of a text in any order.
  const lines = fields.map(
    ([name, text = '']) =>
      `${name}\n${text
        .split('|')
        .map((part) => part.split(';').sort().join('\n'))
        .join('\n|\n')}\n`,
  )
  await expect(`${key}\n\n${lines.sort().join('\n')}`).toMatchFileSnapshot('./interface/hash.txt')
})

it('the JSON has its keys in this order, with zeros for everything that was not counted', async () => {
  const { metrics } = (await (await getCacheHealth(asked())).json()) as { metrics: object }
  const lines = Object.entries(metrics).flatMap(([key, value]) =>
    key === 'fields' || key === 'windows' || key === 'series' || key === 'total'
      ? Object.entries(value).map(([name, part]) => `${key}.${name} ${JSON.stringify(part)}`)
      : [`${key} ${JSON.stringify(value)}`],
  )
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('./interface/json.txt')
})

it('the Prometheus text has every metric, in this order', async () => {
  const text = await (await getMetrics(asked())).text()
  await expect(text).toMatchFileSnapshot('./interface/prometheus.txt')
})

it('the JSON and the Prometheus text of a process that cannot reach Redis', async () => {
  await redis.killEngine()
  const text = await (await getMetrics(asked())).text()
  clock.advance(5_000)
  const { metrics } = (await (await getCacheHealth(asked())).json()) as { metrics: object }
  await redis.reviveEngine()
  await expect(`${JSON.stringify(metrics)}\n${text}`).toMatchFileSnapshot('./interface/withoutRedis.txt')
})

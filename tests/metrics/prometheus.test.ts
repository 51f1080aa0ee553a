import parseWithLibrary from 'parse-prometheus-text-format'
import { describe, expect, it } from 'vitest'
import { createCollector } from '@/lib/core-services/metrics/collector'
import { BUCKETS_MS, toBucket } from '@/lib/core-services/metrics/kinds/histogram'
import type { InstanceMetrics } from '@/lib/core-services/metrics/metricsStore'
import { prometheusText } from '@/lib/core-services/metrics/prometheus'
import { type MetricsSnapshot, summarize } from '@/lib/core-services/metrics/snapshot'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { manualClock } from '@/lib/testing/clock'
import { parsePrometheusText } from '../kit/text/prometheusText'

const clock = manualClock()
const now = clock.now()
const self: InstanceMetrics = { id: 'me', seenAt: now, startedAt: now, breaker: 'half-open', locks: 2 }

/** As if all of it had just been counted. */
function toSnapshot(events: readonly FieldCacheEvent[], scope: MetricsSnapshot['scope'] = 'deployment') {
  const { record, counts } = createCollector(() => clock)
  for (const event of events) record(event)
  const slots = [{ at: now, seconds: 60, sums: counts.sums }]
  const stored = { since: now - 3_600_000, total: counts, live: [], minutes: slots, hours: slots }
  return summarize(stored, self, now, { enabled: true, scope })
}

const readIn = (durationMs: number, status: 'hit' | 'miss' = 'hit'): FieldCacheEvent => ({
  type: 'field.read',
  field: 'agents',
  status,
  ageSeconds: 0,
  durationMs,
})

const everything: FieldCacheEvent[] = [
  ...[0.1, 0.7, 3, 3, 40, 45_000].map((durationMs) => readIn(durationMs)),
  readIn(900, 'miss'),
  { type: 'field.failed', field: 'agents', code: 'SOURCE_FAILED', durationMs: 1 },
  { type: 'field.charged', field: 'agents', commands: 1 / 3, bytesRead: 100, bytesWritten: 10 },
  { type: 'refresh.started', field: 'agents', reason: 'miss' },
  {
    type: 'refresh.finished',
    field: 'agents',
    reason: 'miss',
    durationMs: 850,
    bytes: 1_234,
    items: 3,
    stored: true,
  },
  {
    type: 'refresh.failed',
    field: 'agents',
    reason: 'cron',
    durationMs: 1,
    code: 'SOURCE_TIMEOUT',
    message: 'm',
  },
  {
    type: 'redis.requested',
    command: 'mget',
    commands: 1,
    requests: 1,
    bytesSent: 5,
    bytesReceived: 6,
    durationMs: 2,
    code: 'REDIS_"TIMEOUT"\\\n',
  },
  { type: 'airtable.requested', code: 'AIRTABLE_TIMEOUT' },
  {
    type: 'cron.finished',
    webhooks: [],
    unfinished: 0,
    durationMs: 5,
    refreshed: 1,
    fresh: 0,
    skipped: 0,
    failed: 0,
  },
]

const valueIn = (text: string, name: string, labels: Record<string, string> = {}): number | undefined =>
  [...parsePrometheusText(text).values()]
    .flatMap(({ samples }) => samples)
    .find((sample) => sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels))?.value

describe('the text for Prometheus', () => {
  const text = prometheusText(toSnapshot(everything))

  it('the text is read by a public parser, which finds the same families', () => {
    const read = parseWithLibrary(text)
    const strict = [...parsePrometheusText(text)].map(([name, { type, help }]) => [
      name,
      type.toUpperCase(),
      help,
    ])
    expect(read.map(({ name, type, help }) => [name, type, help])).toEqual(strict)
    const reads = read.find(({ name }) => name === 'field_cache_reads_total')
    expect(reads?.metrics).toContainEqual({ value: '6', labels: { field: 'agents', status: 'hit' } })
    const duration = read.find(({ name }) => name === 'field_cache_read_duration_seconds')
    expect(duration?.metrics[0]).toMatchObject({
      buckets: { '0.00025': '1', '0.001': '2', '0.005': '4', '30': '6', '+Inf': '7' },
    })
  })

  it('the text keeps to the format strictly, and to its rules for types', () => {
    const types = [...parsePrometheusText(text).values()].map(({ type }) => type)
    expect([...new Set(types)].sort()).toEqual(['counter', 'gauge', 'histogram', 'summary'])
  })

  it('the text has the names that monitoring of the forerunners reads', () => {
    expect(valueIn(text, 'cache_hit_rate', { window: '5m' })).toBe(6 / 8)
    expect(valueIn(text, 'cache_operation_latency_seconds', { quantile: '0.95' })).toBe(30)
    expect(valueIn(text, 'cache_operation_latency_seconds_count')).toBe(7)
    expect(valueIn(text, 'cache_circuit_breaker_state')).toBe(2)
    expect(valueIn(text, 'cache_active_locks')).toBe(2)
  })

  it('values are in seconds and bytes, with fractions where a command was shared', () => {
    expect(valueIn(text, 'field_cache_field_redis_commands_total', { field: 'agents' })).toBeCloseTo(1 / 3)
    expect(valueIn(text, 'field_cache_value_bytes', { field: 'agents' })).toBe(1_234)
    expect(valueIn(text, 'field_cache_last_success_timestamp_seconds', { field: 'agents' })).toBe(now / 1000)
    expect(valueIn(text, 'field_cache_cron_last_run_timestamp_seconds')).toBe(now / 1000)
    expect(valueIn(text, 'field_cache_metrics_complete')).toBe(1)
  })

  it('no label breaks out of its quotes', () => {
    expect(text).toContain(String.raw`field_cache_redis_errors_total{code="REDIS_\"TIMEOUT\"\\\n"} 1`)
    expect(valueIn(text, 'field_cache_redis_errors_total', { code: 'REDIS_"TIMEOUT"\\\n' })).toBe(1)
  })

  it('the text is valid when nothing has happened yet', () => {
    const empty = prometheusText(toSnapshot([]))
    expect(parsePrometheusText(empty).size).toBeGreaterThan(10)
    expect(parseWithLibrary(empty).length).toBe(parsePrometheusText(empty).size)
    expect(valueIn(empty, 'cache_hit_rate', { window: '1h' })).toBeNaN()
  })

  it('there are no counters while Redis cannot be reached: they would fall, which looks like a restart', () => {
    const text = prometheusText(toSnapshot(everything, 'process'))
    const types = [...parsePrometheusText(text)].map(([name, { type }]) => [name, type])
    expect(types).toEqual([
      ['cache_circuit_breaker_state', 'gauge'],
      ['cache_active_locks', 'gauge'],
      ['field_cache_metrics_complete', 'gauge'],
    ])
    expect(valueIn(text, 'field_cache_metrics_complete')).toBe(0)
  })
})

it('quantiles are in the bucket of the true ones of a recorded load', () => {
  // A skewed load, as latencies are: most are short, a few very long.
  const load = Array.from({ length: 2_000 }, (_, index) => 0.3 * 1.0055 ** index)
  const text = prometheusText(toSnapshot(load.map((durationMs) => readIn(durationMs))))
  for (const share of [0.5, 0.95, 0.99]) {
    const truth = load[Math.ceil(share * load.length) - 1] ?? 0
    const estimate =
      1_000 * (valueIn(text, 'cache_operation_latency_seconds', { quantile: String(share) }) ?? 0)
    const bucket = toBucket(truth)
    expect(estimate).toBeGreaterThan(BUCKETS_MS[bucket - 1] ?? 0)
    expect(estimate).toBeLessThanOrEqual(BUCKETS_MS[bucket] ?? 0)
  }
})

it('a gauge shows since when Redis refuses writes, also when it cannot be reached, and is absent otherwise', () => {
  const name = 'field_cache_redis_refused_writes_since_timestamp_seconds'
  const refusedWrites = { code: 'REDIS_FULL', since: now - 5_000 }
  for (const scope of ['deployment', 'process'] as const) {
    expect(parsePrometheusText(prometheusText(toSnapshot(everything, scope))).has(name)).toBe(false)
    const text = prometheusText({ ...toSnapshot(everything, scope), refusedWrites })
    expect(valueIn(text, name, { code: 'REDIS_FULL' })).toBe((now - 5_000) / 1_000)
  }
})

describe('the parsers of these tests', () => {
  it.each(['a{b=c} 1\n', 'a{b="c" 1\n'])('the public parser refuses %j', (text) => {
    expect(() => parseWithLibrary(text)).toThrow('invalid line')
  })

  const head = '# HELP a_total h\n# TYPE a_total counter\n'
  it.each([
    ['no end of line', `${head}a_total 1`],
    ['no value', `${head}a_total\n`],
    ['words for a value', `${head}a_total many\n`],
    ['a quote that is not closed', `${head}a_total{b="c} 1\n`],
    ['a quote inside of one', `${head}a_total{b="c"d"} 1\n`],
    ['a name with a hyphen', `${head}a-total 1\n`],
    ['a sample twice', `${head}a_total 1\na_total 2\n`],
    ['a family twice', `${head}a_total 1\n${head}a_total 1\n`],
    ['a sample of another family', `${head}b_total 1\n`],
    ['a type that there is not', '# HELP a h\n# TYPE a number\na 1\n'],
    ['a counter of another name', '# HELP a h\n# TYPE a counter\na 1\n'],
    [
      'buckets that fall',
      '# HELP a h\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    ],
    ['buckets without end', '# HELP a h\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n'],
  ])('the strict parser refuses %s', (_, text) => {
    expect(() => parsePrometheusText(text)).toThrow()
  })
})

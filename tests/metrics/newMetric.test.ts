/** A metric that only these tests know: one row in each table, and nothing else. */
import { expect, it, vi } from 'vitest'
import { createCollector } from '@/lib/core-services/metrics/collector'
import { encodeEntries } from '@/lib/core-services/metrics/counts'
import { prometheusText } from '@/lib/core-services/metrics/prometheus'
import { summarize } from '@/lib/core-services/metrics/snapshot'
import { manualClock } from '@/lib/testing/clock'
import { parsePrometheusText } from '../kit/text/prometheusText'

vi.mock('@/lib/core-services/metrics/table/metrics', async (importOriginal) => {
  const tables = await importOriginal<typeof import('@/lib/core-services/metrics/table/metrics')>()
  const { ANY, counter } = await import('@/lib/core-services/metrics/kinds/counter')
  const { histogram } = await import('@/lib/core-services/metrics/kinds/histogram')
  const leases = counter({
    stored: 'lease',
    name: 'field_cache_leases_total',
    help: 'Leases, by who holds them',
    labels: [
      ['holder', ['here', 'elsewhere']],
      ['how', ANY],
    ],
    from: {
      'lease.taken': () => [1, 'here', 'fetches'],
      'lease.held': ({ patient }) => [1, 'elsewhere', patient ? 'waits' : 'goes on'],
    },
  })
  const slowness = histogram({
    stored: 'slow:took',
    name: 'field_cache_slow_command_seconds',
    help: 'Duration of slow commands',
    unit: 'ms',
    from: { 'redis.slow': ({ durationMs }) => durationMs },
  })
  return {
    ...tables,
    FIELD_METRICS: { ...tables.FIELD_METRICS, leases },
    SYSTEM_METRICS: { ...tables.SYSTEM_METRICS, slow: { slowness } },
  }
})

const clock = manualClock()
const self = { id: 'me', seenAt: clock.now(), startedAt: 0, breaker: 'closed', locks: 0 } as const

function toSnapshot(collector: ReturnType<typeof createCollector>) {
  const { counts } = collector
  const slots = [{ at: clock.now(), seconds: 60, sums: counts.sums }]
  const stored = { since: 0, total: counts, live: [], minutes: slots, hours: slots }
  return summarize(stored, self, clock.now(), { enabled: true, scope: 'deployment' })
}

it('a new row of the table is counted, added up, and shown in the snapshot and to Prometheus', () => {
  const collector = createCollector(() => clock)
  for (const field of ['a', 'b', 'b']) expect(collector.record({ type: 'lease.taken', field })).toBe(true)
  collector.record({ type: 'lease.held', field: 'a', patient: false })
  collector.record({ type: 'redis.slow', command: 'get', durationMs: 40, limitMs: 10 })

  expect(encodeEntries(collector.counts.sums)).toBe(
    'lease:a:here:fetches=1;lease:b:here:fetches=2;lease:a:elsewhere:goes%20on=1;slow:took:7=1;slow:took:ms=40',
  )
  const snapshot = toSnapshot(collector)
  expect(snapshot.total.fields).toMatchObject({
    leases: { here: { fetches: 3 }, elsewhere: { 'goes on': 1 } },
  })
  expect(snapshot.fields.b?.windows['5m']).toMatchObject({ leases: { here: { fetches: 2 }, elsewhere: {} } })
  expect(snapshot.total.system).toMatchObject({ slow: { slowness: { count: 1, sumMs: 40 } } })

  const families = parsePrometheusText(prometheusText(snapshot))
  expect(families.get('field_cache_leases_total')).toEqual({
    type: 'counter',
    help: 'Leases, by who holds them',
    samples: [
      { field: 'a', holder: 'here', how: 'fetches', value: 1 },
      { field: 'a', holder: 'elsewhere', how: 'goes on', value: 1 },
      { field: 'b', holder: 'here', how: 'fetches', value: 2 },
    ].map(({ value, ...labels }) => ({ name: 'field_cache_leases_total', labels, value })),
  })
  const slowness = families.get('field_cache_slow_command_seconds')
  expect(slowness?.samples.slice(-2).map(({ name, value }) => [name, value])).toEqual([
    ['field_cache_slow_command_seconds_sum', 0.04],
    ['field_cache_slow_command_seconds_count', 1],
  ])
})

it('a new row that has counted nothing yet is shown with its zeros', () => {
  const { total } = toSnapshot(createCollector(() => clock))
  expect(total.fields).toMatchObject({ leases: { here: {}, elsewhere: {} } })
  expect(total.system).toMatchObject({ slow: { slowness: { count: 0, p50Ms: null } } })
})

import { afterEach, expect, it } from 'vitest'
import { cronExpectations } from '@/lib/admin/cronHealth'
import { field } from '../kit/fields/fieldProcess'
import { setEnvironment } from '../kit/process/environment'

const SWITCHES = ['CACHE_WARMUP_ENABLED', 'AIRTABLE_WEBHOOK_SECRETS', 'CRON_MAX_SILENCE_HOURS'] as const
afterEach(() => setEnvironment(Object.fromEntries(SWITCHES.map((name) => [name, undefined]))))

const warm = field(async () => 1, { refreshEvery: 60 })
const other = field(async () => 1)

it.each([
  ['fields to keep warm', [warm, other], {}, true],
  ['no fields to keep warm', [other], {}, false],
  ['fields that it may not keep warm', [warm], { CACHE_WARMUP_ENABLED: 'false' }, false],
  ['webhooks alone', [], { AIRTABLE_WEBHOOK_SECRETS: `ach00000000000001:${btoa('x'.repeat(32))}` }, true],
])('%s decide whether the cron is expected to run', (_, fields, environment, expected) => {
  setEnvironment(environment)
  expect(cronExpectations(fields)).toEqual({ expected, maxSilenceHours: 26 })
})

it('the cron may be silent for the configured time', () => {
  setEnvironment({ CRON_MAX_SILENCE_HOURS: '3' })
  expect(cronExpectations([]).maxSilenceHours).toBe(3)
})

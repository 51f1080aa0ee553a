import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { startTestAirtable, TEST_AIRTABLE } from '../support/testAirtable'
import { startTestRedis, type TestRedis } from '../support/testRedis'

const PROCESSES = 20
const FIELDS = 20
const PROGRAM = new URL('../support/airtableReader.ts', import.meta.url)

const children: ChildProcess[] = []
const stops: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(
    children.splice(0).map((child) => {
      child.kill('SIGKILL')
      return once(child, 'exit')
    }),
  )
  await Promise.all(stops.splice(0).map((stop) => stop()))
})

async function startReader(redis: TestRedis, airtable: AirtableServer): Promise<ChildProcess> {
  const { apiKey, baseId, tableId } = TEST_AIRTABLE
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    env: {
      ...process.env,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      CACHE_KEY_PREFIX: 'test',
      // Generous, because test machines are slow at times.
      CACHE_COMMAND_TIMEOUT_MS: '5000',
      CACHE_REFRESH_TIMEOUT_MS: '25000',
      AIRTABLE_API_KEY: apiKey,
      AIRTABLE_PAGE: `${airtable.url}/v0/${baseId}/${tableId}?pageSize=100`,
      READ_FIELDS: String(FIELDS),
    },
  })
  children.push(child)
  await once(child, 'message')
  return child
}

async function readAll(child: ChildProcess): Promise<(number | string)[]> {
  const [answers] = await Promise.all([once(child, 'message'), child.send('read')])
  return answers[0]
}

it('20 cold processes that want 20 fields at once never exceed the limit of Airtable, and all are answered', async () => {
  const redis = await startTestRedis()
  stops.push(redis.stop)
  const airtable = await startTestAirtable({ latencyMs: 30 })
  stops.push(airtable.close)
  const readers = await Promise.all(Array.from({ length: PROCESSES }, () => startReader(redis, airtable)))

  const answers = await Promise.all(readers.map(readAll))

  // The server refuses the sixth request in any 1,000 ms.
  expect(airtable.counters).toMatchObject({ requests: FIELDS, refusals: 0, byStatus: { 200: FIELDS } })
  expect(answers).toEqual(readers.map(() => Array.from({ length: FIELDS }, () => 100)))
}, 60_000)

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { findOnPath } from '@/local/engine/findOnPath'
import { startRedisServer } from '@/local/engine/redisServer'
import { sendOnce } from '@/local/engine/sendOnce'
import type { RedisEngine } from '@/local/engine/types'
import { startUpstashServer, type UpstashServer } from '@/local/upstash/server'
import { startUnlimitedAirtable, TEST_AIRTABLE } from '@/tests/kit/airtable/testAirtable'
import { METRICS_TOKEN, type Site, startSite } from '@/tests/kit/process/sites'

/** How often each field is read while Redis does not do what it is asked. */
const READS = 45
/** Past `memoryTtl`, so that Redis has to be asked, and within the 30 s in which memory answers without it. */
const LATER_SECONDS = 2
/** After this health asks anew, and memory alone is too old. */
const MUCH_LATER_SECONDS = 61
/** For loading: the number of keys, and the time for each of them. */
const KEYS = 60_000
const KEY_DELAY_MICROSECONDS = 500

let airtable: AirtableServer
let engine: RedisEngine
let upstash: UpstashServer

const tell = (...command: string[]) => sendOnce(engine.url, command)

beforeAll(async () => {
  const program = findOnPath('redis-server')
  if (program === undefined) throw new Error('redis-server is not on the PATH: these tests need it')
  airtable = await startUnlimitedAirtable()
  engine = await startRedisServer(program, 0, ['--enable-debug-command', 'yes'])
  upstash = await startUpstashServer({ redisUrl: engine.url, token: 'token' })
})
afterAll(async () => {
  await upstash.close()
  await engine.stop()
  await airtable.close()
})

interface State {
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

/** What stands in the first column of the table, and how Redis gets there and back. */
const STATES: Record<string, State> = {
  full: {
    begin: () => tell('CONFIG', 'SET', 'maxmemory', '1kb'),
    end: () => tell('CONFIG', 'SET', 'maxmemory', '0'),
  },
  'read-only': {
    begin: () => tell('REPLICAOF', '127.0.0.1', '1'),
    end: () => tell('REPLICAOF', 'NO', 'ONE'),
  },
  loading: { begin: beginLoading, end: endLoading },
  'over quota': fault('quota'),
  hung: fault('hang'),
  refused: fault('refuse'),
}

function fault(kind: 'quota' | 'hang' | 'refuse'): State {
  return { begin: () => upstash.faults.set({ kind }), end: () => upstash.faults.clear() }
}

async function beginLoading(): Promise<void> {
  const fill = "for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'filling:' .. i, i) end"
  await tell('EVAL', fill, '0', String(KEYS))
  await tell('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024')
  await tell('CONFIG', 'SET', 'key-load-delay', String(KEY_DELAY_MICROSECONDS))
  // It answers when everything is loaded, or never: the connection is given up before.
  tell('DEBUG', 'RELOAD').catch(() => undefined)
  await expect.poll(loading).toBe(true)
}

async function endLoading(): Promise<void> {
  await tell('CONFIG', 'SET', 'key-load-delay', '0')
  await expect.poll(loading).toBe(false)
}

/** Whether a command is refused for that. */
const loading = (): Promise<boolean> =>
  tell('GET', 'filling:1').then(
    () => false,
    (error: unknown) => String(error).includes('LOADING'),
  )

/** A process that has read one field and not the other, over an empty Redis that then gets into that state. */
async function startApp(): Promise<Site> {
  await tell('FLUSHALL')
  const app = await startSite(
    { url: upstash.url, token: 'token' },
    '',
    {
      AIRTABLE_ENDPOINT_URL: airtable.url,
      AIRTABLE_API_KEY: TEST_AIRTABLE.apiKey,
      AIRTABLE_RRHH_BASE_ID: TEST_AIRTABLE.baseId,
      AIRTABLE_RRHH_PEOPLE_TABLE_ID: TEST_AIRTABLE.tableId,
      ADMIN_TOKEN: METRICS_TOKEN,
      CACHE_COMMAND_TIMEOUT_MS: '200',
      CACHE_COMMAND_HARD_TIMEOUT_MS: '1000',
    },
    'app',
  )
  expect((await app.get('/api/fields/agents')).headers.get('x-field-cache')).toBe('miss')
  await app.pass(LATER_SECONDS)
  return app
}

/** How the reads were answered, in the order in which that was first seen. */
async function read(app: Site, field: string): Promise<string> {
  const statuses = new Set<string>()
  for (let time = 0; time < READS; time += 1) {
    const { status, headers } = await app.get(`/api/fields/${field}`)
    expect(status).toBe(200)
    statuses.add(`\`${headers.get('x-field-cache')}\``)
  }
  return [...statuses].join(', then ')
}

async function countRequests(run: () => Promise<void>): Promise<number> {
  const before = airtable.counters.requests
  await run()
  return airtable.counters.requests - before
}

/** Everything that the table says of a state, as it was observed. */
async function observe(app: Site, pages: number): Promise<string[]> {
  const cells: string[] = []
  const warm = await countRequests(async () => {
    cells.push(await read(app, 'agents'))
  })
  const cold = await countRequests(async () => {
    cells.push(await read(app, 'headcount'))
  })
  cells.push(`${warm / pages} and ${cold / pages}`)
  const forced = await app.get('/refresh/agents')
  cells.push(`${forced.status} \`${JSON.parse(forced.text).code}\``)
  cells.push(`\`${(await app.get('/invalidate/agents_list')).text}\``)
  await app.pass(MUCH_LATER_SECONDS)
  const health = await app.get('/api/health')
  const { status, services } = JSON.parse(health.text)
  cells.push(`${health.status} \`${status}\`, \`${services.cache.code}\``)
  expect((await app.get('/api/health?strict=1')).status).toBe(503)
  const overview = JSON.parse((await app.get('/api/admin/overview')).text)
  const redis = overview.parts.find(({ name }: { name: string }) => name.startsWith('Redis'))
  expect(redis.state).toBe('bad')
  cells.push(`"${redis.summary.split('. ')[0]}"`)
  return cells
}

describe('docs/operations.md tells what happens while Redis is', () => {
  const rows = new Map(
    readFileSync('docs/operations.md', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
      .map(([state = '', ...cells]) => [state, cells]),
  )

  it.each(Object.entries(STATES))('%s', { timeout: 120_000 }, async (name, { begin, end }) => {
    const app = await startApp()
    try {
      const pages = airtable.counters.requests
      expect(pages).toBeGreaterThan(0)
      await begin()
      try {
        expect(await observe(app, pages)).toEqual(rows.get(name))
      } finally {
        await end()
      }
      await expect
        .poll(async () => {
          await app.pass(MUCH_LATER_SECONDS)
          return JSON.parse((await app.get('/api/health')).text).services.cache.ok
        })
        .toBe(true)
    } finally {
      await app.kill()
      airtable.resetCounters()
    }
  })
})

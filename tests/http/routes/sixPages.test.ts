import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { GET } from '@/app/api/airtable/agents/route'
import type { Agent } from '@/lib/core-services/cache/fieldCacheConfigs'
import { startTestAirtable, TEST_AIRTABLE } from '../../kit/airtable/testAirtable'
import { appEnvironment, setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const PEOPLE = '../shared/data/people.json'
const redis = redisForThisFile()
let airtable: Awaited<ReturnType<typeof startTestAirtable>>

/** 537 people: real ones where they are at hand, else made up. */
function records(): { id: string; createdTime: string; fields: Record<string, unknown> }[] {
  if (existsSync(PEOPLE)) return JSON.parse(readFileSync(PEOPLE, 'utf8')).records
  return Array.from({ length: 537 }, (_, index) => ({
    id: `rec${String(index).padStart(14, '0')}`,
    createdTime: '2025-01-03T00:00:00.000Z',
    fields: { Nombre: `Person ${(index * 7919) % 537}`, Estado: 'WA' },
  }))
}

beforeAll(async () => {
  const view = { id: TEST_AIRTABLE.viewId, name: TEST_AIRTABLE.view }
  // The rate limit of the server counts by the real clock here: five requests in any second, then 30 s of refusal.
  airtable = await startTestAirtable({
    tables: [{ id: TEST_AIRTABLE.tableId, name: 'People', views: [view], records: records() }],
  })
  setEnvironment({
    ...appEnvironment(redis, airtable),
  })
  return () => airtable.close()
})

it('537 records over 6 pages become one sorted array in one entry, with 6 requests on the miss and none on the hit', async () => {
  const ask = () => GET(new Request('http://localhost/api/airtable/agents'))
  const miss = await ask()
  expect([miss.status, miss.headers.get('x-field-cache')]).toEqual([200, 'miss'])
  expect(airtable.counters).toMatchObject({ requests: 6, refusals: 0 })
  const names = ((await miss.json()) as Agent[]).map(({ name }) => name)
  expect(names).toHaveLength(537)
  expect(names).toEqual([...names].sort(new Intl.Collator('es').compare))
  const hit = await ask()
  expect(hit.headers.get('x-field-cache')).toBe('hit')
  expect(airtable.counters.requests).toBe(6)
})

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { POST as refreshAgents } from '@/app/api/airtable/agents/refresh/route'
import { GET as getAgents } from '@/app/api/airtable/agents/route'
import { GET as runCron } from '@/app/api/cron/refresh/route'
import { POST as refreshByName } from '@/app/api/fields/[name]/refresh/route'
import { GET as getByName } from '@/app/api/fields/[name]/route'
import type { Agent } from '@/lib/core-services/cache/fieldCacheConfigs'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import type { AirtableServer } from '@/local/airtable/server'
import { startUnlimitedAirtable, TEST_AIRTABLE } from '../../kit/airtable/testAirtable'
import { appEnvironment, setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const ADMIN = 'admin-token-of-the-tests'
const CRON = 'cron-secret-of-the-tests'
const admin = { authorization: `Bearer ${ADMIN}` }

const redis = redisForThisFile()
let airtable: AirtableServer

const call = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Request(`http://localhost${path}`, { method, headers })
const agents = (query = '', headers = {}) => getAgents(call(`/api/airtable/agents${query}`, headers))
const refresh = (headers = {}) => refreshAgents(call('/api/airtable/agents/refresh', headers, 'POST'))
const cron = (headers = {}) => runCron(call('/api/cron/refresh', headers))
const byName = (name: string, headers = {}) =>
  getByName(call(`/api/fields/${name}`, headers), { params: Promise.resolve({ name }) })
const refreshNamed = (name: string, headers = {}) =>
  refreshByName(call(`/api/fields/${name}/refresh`, headers, 'POST'), { params: Promise.resolve({ name }) })

beforeAll(async () => {
  airtable = await startUnlimitedAirtable()
  setEnvironment({
    ...appEnvironment(redis, airtable),
    // Each test begins with an empty Redis, and the memory of the process would know better.
    CACHE_MEMORY_MAX_BYTES: '0',
    ADMIN_TOKEN: ADMIN,
    CRON_SECRET: CRON,
  })
  await initCoreServices(['cache', 'airtable'])
})
afterAll(async () => {
  await airtable.close()
})
beforeEach(async () => {
  await redis.flushButBudget()
  airtable.resetCounters()
  redis.upstash.resetCounters()
})

describe('GET /api/airtable/agents', () => {
  it('answers the sorted agents as an array, a miss first and a hit then', async () => {
    const miss = await agents()
    const hit = await agents()
    expect([miss.status, miss.headers.get('x-field-cache'), hit.headers.get('x-field-cache')]).toEqual([
      200,
      'miss',
      'hit',
    ])
    const list = (await miss.json()) as Agent[]
    expect(await hit.json()).toEqual(list)
    expect(list.length).toBeGreaterThan(100)
    expect(
      list.every(
        ({ id, name }) => id.startsWith('rec') && name === name.trim() && name !== '' && name !== 'N/A',
      ),
    ).toBe(true)
    const names = list.map(({ name }) => name)
    expect(names).toEqual([...names].sort(new Intl.Collator('es').compare))
    expect(Object.keys(list[0] ?? {})).toEqual(['id', 'name'])
  })

  it('asks the source only on the miss, and Redis for one command on the hit', async () => {
    await agents()
    const afterMiss = airtable.counters.requests
    redis.upstash.resetCounters()
    await agents()
    expect(airtable.counters.requests).toBe(afterMiss)
    expect(redis.upstash.counters).toMatchObject({ requests: 1, commands: 1 })
  })

  it('tells caches to revalidate each time, and answers 304 for the same bytes', async () => {
    const first = await agents()
    expect(first.headers.get('cache-control')).toBe('public, max-age=0, must-revalidate')
    expect(first.headers.get('age')).toMatch(/^\d+$/)
    expect(first.headers.get('server-timing')).toMatch(/^cache;desc=miss;dur=[\d.]+, source;dur=[\d.]+$/)
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]+"$/)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await agents('', { 'if-none-match': known })
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    }
    expect((await agents('', { 'if-none-match': '"other"' })).status).toBe(200)
  })

  it('forces at most one refresh in a cool-down for callers without the token', async () => {
    await agents()
    const forced = await agents('?forceRefresh=true')
    expect(forced.headers.get('x-field-cache')).toBe('refreshed')
    expect(Object.fromEntries(forced.headers)).toMatchObject({
      'cache-control': 'no-cache, no-store, must-revalidate',
      pragma: 'no-cache',
      expires: '0',
    })
    const asked = airtable.counters.requests
    const declined = await agents('?forceRefresh=true')
    expect([declined.status, declined.headers.get('x-field-cache')]).toEqual([200, 'cooldown'])
    expect(airtable.counters.requests).toBe(asked)
    expect((await agents('?forceRefresh=true', admin)).headers.get('x-field-cache')).toBe('refreshed')
  })

  it('refuses another value of forceRefresh', async () => {
    const response = await agents('?forceRefresh=banana')
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { code: 'QUERY_INVALID', detail: 'forceRefresh must be true or false' },
    ])
    expect((await agents('?forceRefresh=false')).headers.get('x-field-cache')).toBe('miss')
  })

  it('answers 502 when the source fails and nothing is stored, without telling strangers why', async () => {
    setEnvironment({ AIRTABLE_RRHH_BASE_ID: 'appDoesNotExist01' })
    const response = await agents()
    expect(response.status).toBe(502)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('cache-control')).toContain('no-store')
    const problem = await response.json()
    expect(problem).toMatchObject({ status: 502, code: 'SOURCE_FAILED', error: 'Failed to load agents' })
    expect(JSON.stringify(problem)).not.toContain('appDoesNotExist01')
    await redis.flushButBudget()
    const told = await (await agents('', admin)).json()
    expect(told).toMatchObject({
      detail: expect.stringContaining('appDoesNotExist01'),
      hint: expect.stringContaining('Add the base'),
    })
    const cooling = await agents('', admin)
    expect([cooling.status, cooling.headers.get('retry-after')]).toEqual([502, '5'])
    expect(await cooling.json()).toMatchObject({ detail: expect.stringContaining('AIRTABLE_FORBIDDEN') })
    setEnvironment({ AIRTABLE_RRHH_BASE_ID: TEST_AIRTABLE.baseId })
  })

  it('keeps the item of a record whose cell has become another kind, and the rest of the list', async () => {
    const before = await (await agents()).json()
    const [first] = before as Agent[]
    const path = `${airtable.url}/v0/${TEST_AIRTABLE.baseId}/${TEST_AIRTABLE.tableId}/${first?.id}`
    const rename = (name: unknown) =>
      fetch(path, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${TEST_AIRTABLE.apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fields: { Nombre: name } }),
      })
    expect((await rename([first?.name])).status).toBe(200)
    const forced = await agents('?forceRefresh=true', admin)
    expect([forced.status, await forced.json()]).toEqual([200, before])
    expect(await (await agents()).json()).toEqual(before)
    await rename(first?.name)
  })

  it('keeps serving the old list after a forced refresh that failed', async () => {
    const before = await (await agents()).json()
    setEnvironment({ AIRTABLE_RRHH_BASE_ID: 'appDoesNotExist01' })
    expect((await agents('?forceRefresh=true', admin)).status).toBe(502)
    const after = await agents()
    expect([after.status, after.headers.get('x-field-cache')]).toEqual([200, 'hit'])
    expect(await after.json()).toEqual(before)
    setEnvironment({ AIRTABLE_RRHH_BASE_ID: TEST_AIRTABLE.baseId })
  })
})

describe('POST /api/airtable/agents/refresh', () => {
  it('refreshes only with the token', async () => {
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: ADMIN },
      { authorization: `Bearer ${CRON}` },
    ]) {
      const refused = await refresh(headers)
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      expect(await refused.json()).toMatchObject({
        code: 'UNAUTHORIZED',
        error: 'Failed to refresh agent list',
        message: expect.any(String),
      })
    }
    expect(airtable.counters.requests).toBe(0)
    const response = await refresh(admin)
    expect([response.status, response.headers.get('x-field-cache')]).toEqual([200, 'refreshed'])
    expect(response.headers.get('cache-control')).toBe('no-cache, no-store, must-revalidate')
    expect(await response.json()).toBeInstanceOf(Array)
  })

  it.each([undefined, '', 'short'])('stays closed while ADMIN_TOKEN is %j', async (token) => {
    setEnvironment({ ADMIN_TOKEN: token })
    expect((await refresh({ authorization: `Bearer ${token}` })).status).toBe(401)
    expect((await refresh({ authorization: 'Bearer undefined' })).status).toBe(401)
    setEnvironment({ ADMIN_TOKEN: ADMIN })
  })

  it('answers 503 when the fresh value could not be stored', async () => {
    await redis.killEngine()
    const response = await refresh(admin)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('5')
    expect(await response.json()).toMatchObject({
      code: 'CACHE_UNAVAILABLE',
      message: expect.stringContaining('not stored'),
    })
    await redis.reviveEngine()
    await expect.poll(async () => (await refresh(admin)).status).toBe(200)
  })
})

describe('/api/fields/[name]', () => {
  it('serves public fields to every caller, others only with the token', async () => {
    expect((await byName('agents')).status).toBe(200)
    const response = await byName('headcount', admin)
    expect(response.headers.get('cache-control')).toBe('private, no-store')
    const { total, byState } = (await response.json()) as { total: number; byState: Record<string, number> }
    expect(Object.values(byState).reduce((sum, count) => sum + count, 0)).toBe(total)
  })

  it('answers for a closed field exactly as for an unknown one', async () => {
    for (const ask of [byName, refreshNamed]) {
      const [closed, unknown, prototype] = await Promise.all([
        ask('headcount'),
        ask('no-such-field'),
        ask('__proto__'),
      ])
      expect(closed.status).toBe(404)
      expect([unknown.status, prototype.status]).toEqual([404, 404])
      const text = await closed.text()
      expect([await unknown.text(), await prototype.text()]).toEqual([text, text])
      expect('message' in JSON.parse(text)).toBe(ask === refreshNamed)
    }
    expect(airtable.counters.requests).toBe(0)
  })

  it('refreshes by POST with the token', async () => {
    expect((await refreshNamed('agents')).status).toBe(401)
    expect((await refreshNamed('headcount', admin)).headers.get('x-field-cache')).toBe('refreshed')
    expect((await refreshNamed('no-such-field', admin)).status).toBe(404)
  })
})

describe('GET /api/cron/refresh', () => {
  const authorized = { authorization: `Bearer ${CRON}` }
  const outcomes = async (response: Response) => {
    const { fields } = (await response.json()) as {
      fields: { name: string; outcome: string; reason?: string }[]
    }
    return Object.fromEntries(fields.map(({ name, outcome, reason }) => [name, reason ?? outcome]))
  }

  it('refreshes what is due, then finds it fresh', async () => {
    const first = await cron(authorized)
    expect([first.status, first.headers.get('cache-control')]).toMatchObject([
      200,
      expect.stringContaining('no-store'),
    ])
    expect(await outcomes(first)).toEqual({ agents: 'refreshed', headcount: 'refreshed' })
    const asked = airtable.counters.requests
    expect(await outcomes(await cron(authorized))).toEqual({ agents: 'fresh', headcount: 'fresh' })
    expect(airtable.counters.requests).toBe(asked)
    expect((await agents()).headers.get('x-field-cache')).toBe('hit')
  })

  it('needs the secret of the cron, also when there is none', async () => {
    expect((await cron()).status).toBe(401)
    expect((await cron(admin)).status).toBe(401)
    setEnvironment({ CRON_SECRET: undefined })
    expect((await cron({ authorization: 'Bearer undefined' })).status).toBe(401)
    setEnvironment({ CRON_SECRET: CRON })
  })

  it('the cron runs once at a time', async () => {
    const [one, other] = await Promise.all([cron(authorized), cron(authorized)])
    const all = [await outcomes(one), await outcomes(other)]
    expect(all).toContainEqual({ agents: 'another-run', headcount: 'another-run' })
    expect(all).toContainEqual({ agents: 'refreshed', headcount: 'refreshed' })
  })

  it('answers 502 with all results when a field failed', async () => {
    setEnvironment({ AIRTABLE_RRHH_BASE_ID: 'appDoesNotExist01' })
    const response = await cron(authorized)
    expect(response.status).toBe(502)
    expect(await outcomes(response)).toEqual({ agents: 'failed', headcount: 'failed' })
    setEnvironment({ AIRTABLE_RRHH_BASE_ID: TEST_AIRTABLE.baseId })
  })

  it('does nothing while warming is switched off', async () => {
    setEnvironment({ CACHE_WARMUP_ENABLED: 'false' })
    expect(await outcomes(await cron(authorized))).toEqual({
      agents: 'warmup-disabled',
      headcount: 'warmup-disabled',
    })
    expect(airtable.counters.requests).toBe(0)
    setEnvironment({ CACHE_WARMUP_ENABLED: undefined })
  })

  it('answers 503 when Redis cannot be asked', async () => {
    await redis.killEngine()
    expect((await cron(authorized)).status).toBe(503)
    await redis.reviveEngine()
    await expect.poll(async () => (await cron(authorized)).status).toBe(200)
  })
})

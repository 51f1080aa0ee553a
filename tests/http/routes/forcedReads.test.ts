import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { POST } from '@/app/api/fields/[name]/refresh/route'
import { GET } from '@/app/api/fields/[name]/route'
import { forceContended } from '@/lib/core-services/cache/errors'
import { type AnyField, defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { problemResponse } from '@/lib/http/problem'
import { answerRefresh } from '@/lib/http/routes/fieldRoutes'
import { createForcedReadLimits } from '@/lib/http/routes/forcedReads'
import { defaultPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { type AlarmClock, alarmClock } from '@/lib/testing/clock'
import { setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const ADMIN = 'admin-token-of-the-tests'
const admin = { authorization: `Bearer ${ADMIN}` }
const redis = redisForThisFile()
let clock: AlarmClock
let fetches = 0

const params = (name: string) => ({ params: Promise.resolve({ name }) })
const url = (path: string) => `http://localhost/api/fields/${path}`
const refresh = (name: string, headers: Record<string, string> = admin) =>
  POST(new Request(url(`${name}/refresh`), { method: 'POST', headers }), params(name))
const read = (name: string, query = '', headers: Record<string, string> = {}) =>
  GET(new Request(url(name) + query, { headers }), params(name))
const times = <T>(count: number, run: () => Promise<T>) => Promise.all(Array.from({ length: count }, run))
/** Until the limit refuses, 100 at most. */
async function refreshUntilRefused(name: string): Promise<number> {
  for (let count = 0; count < 100; count += 1) if ((await refresh(name)).status === 429) return count
  return 100
}
const asAnotherInstance = () => setProcessState('forces over HTTP', createForcedReadLimits())

/** As each evaluation of their module does. */
function evaluateFields(): readonly AnyField[] {
  const field = { ttl: 3600, access: 'public' as const, fetcher: async () => ++fetches }
  return defineFields([
    { ...field, name: 'one', key: 'one' },
    { ...field, name: 'other', key: 'other' },
    { ...field, name: 'open', key: 'open', anonymousForce: 60 },
  ])
}

beforeAll(async () => {
  clock = alarmClock(Date.now())
  setProcessState('ports', { ...defaultPorts, clock })
  setEnvironment({
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    CACHE_COMMAND_TIMEOUT_MS: '2000',
    ADMIN_TOKEN: ADMIN,
  })
  await initCoreServices(['cache'])
  evaluateFields()
})
beforeEach(async () => {
  await redis.flush()
  // Past memoryTtl, so that nothing of the test before is answered from memory.
  clock.advance(1_000)
  asAnotherInstance()
  fetches = 0
  redis.upstash.resetCounters()
})

describe('forced refreshes with the token', () => {
  it('forces at the same time run two refreshes, and every caller gets an answer', async () => {
    const answers = await times(100, () => refresh('one'))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(fetches).toBe(2)
  })

  it('forces share two refreshes also over copies of the module', async () => {
    const [again] = evaluateFields()
    evaluateFields()
    const ask = new Request(url('one/refresh'), { method: 'POST', headers: admin })
    const answers = await times(50, () =>
      Promise.all([refresh('one'), answerRefresh(ask, again as AnyField)]),
    )
    expect(answers.flat().every(({ status }) => status === 200)).toBe(true)
    expect(fetches).toBe(2)
  })

  it('refuses endless forces of a field after twenty, with the time to wait, and not those of another field', async () => {
    expect(await refreshUntilRefused('one')).toBe(20)
    const refused = await refresh('one')
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': expect.stringContaining('no-store'),
      'retry-after': '2',
    })
    expect(await refused.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    expect((await read('one', '?forceRefresh=true', admin)).status).toBe(429)
    expect(fetches).toBe(20)
    expect((await refresh('other')).status).toBe(200)
    expect((await read('one')).headers.get('x-field-cache')).toBe('hit')
  })

  it('allows forces again after a while', async () => {
    await refreshUntilRefused('one')
    setProcessState('forces over HTTP', createForcedReadLimits())
    await redis.flush()
    await refreshUntilRefused('one')
    clock.advance(2_000)
    // Its own share is there again; Redis, by a clock of its own, says how it is with that of all.
    expect((await refresh('one')).status).toBe(429)
    await redis.flush()
    clock.advance(2_000)
    expect((await refresh('one')).status).toBe(200)
  })

  it('all instances share the limit, and a refused force costs no command', async () => {
    await refreshUntilRefused('one')
    asAnotherInstance()
    redis.upstash.resetCounters()
    expect((await refresh('one')).status).toBe(429)
    expect(redis.upstash.counters.commands).toBe(1)
    await times(100, () => refresh('one'))
    expect(redis.upstash.counters.commands).toBe(1)
    expect(fetches).toBe(20)
  })

  it('limits the forces of all fields together', async () => {
    await refreshUntilRefused('one')
    await refreshUntilRefused('other')
    expect(await refreshUntilRefused('open')).toBe(20)
    expect(fetches).toBe(60)
  })
})

it('plain reads meet no limit and cost no more than before', async () => {
  await refresh('one')
  await read('one')
  redis.upstash.resetCounters()
  expect((await times(200, () => read('one'))).every(({ status }) => status === 200)).toBe(true)
  expect(redis.upstash.counters.commands).toBe(0)
})

it('looks up the cool-down a few times for any number of callers without the token', async () => {
  await read('open')
  redis.upstash.resetCounters()
  const answers = await times(200, () => read('open', '?forceRefresh=true'))
  const statuses = answers.map(({ headers }) => headers.get('x-field-cache'))
  expect(statuses.filter((status) => status === 'refreshed')).toHaveLength(1)
  expect(statuses.filter((status) => status === 'cooldown')).toHaveLength(199)
  expect(fetches).toBe(2)
  // Five questions, the refresh, and looks at what was there and at what is there now.
  expect(redis.upstash.counters.commands).toBeLessThanOrEqual(15)
})

it('a refused force calls neither Redis nor the source', async () => {
  for (const headers of [{}, { authorization: 'Bearer wrong' }])
    await times(50, () => refresh('one', headers))
  await times(50, () => refresh('no-such-field'))
  expect([fetches, redis.upstash.counters.requests]).toEqual([0, 0])
})

it('a force that other writers prevented is a 409, to be tried again', () => {
  const response = problemResponse(new Request(url('one')), forceContended('one', 3), {
    label: 'Failed to refresh one',
    trusted: true,
  })
  expect([response.status, response.headers.get('retry-after')]).toEqual([409, '1'])
})

it('each process limits forces by itself while Redis is down', async () => {
  await redis.killEngine()
  const answers = []
  for (let count = 0; count < 25; count += 1) answers.push((await refresh('one')).status)
  expect(answers).toEqual([...Array(20).fill(503), ...Array(5).fill(429)])
})

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { GET } from '@/app/api/admin/overview/route'
import type { Overview } from '@/lib/admin/overview'
import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { getFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { createRevokedIds, revokeSession } from '@/lib/http/auth/revokedSessions'
import { findSession, newSessionCookie, sealSession } from '@/lib/http/auth/session'
import { systemClock } from '@/lib/shared/clock'
import { setProcessState } from '@/lib/shared/processState'
import type { AirtableServer } from '@/local/airtable/server'
import { startTestAirtable, TEST_AIRTABLE } from '../../kit/airtable/testAirtable'
import { appEnvironment, setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const ADMIN = 'admin-token-of-the-tests'
const redis = redisForThisFile()
let airtable: AirtableServer

beforeAll(async () => {
  airtable = await startTestAirtable()
  setEnvironment({
    ...appEnvironment(redis, airtable),
    ADMIN_TOKEN: ADMIN,
  })
  await initCoreServices(['cache', 'airtable'])
})
afterAll(() => airtable.close())
beforeEach(() => {
  redis.upstash.resetCounters()
})

const ask = (headers: Record<string, string> = {}) =>
  GET(new Request('http://localhost/api/admin/overview', { headers }))
const buildCookie = (sealed: string) => ({ cookie: `other=1; field-cache-admin=${sealed}` })
const signedIn = () => newSessionCookie(false)?.value ?? ''
const ID = 'a1b2c3d4e5f6a7b8'

it.each<[string, () => Record<string, string>, number]>([
  ['no credential', () => ({}), 401],
  ['a wrong token', () => ({ authorization: 'Bearer wrong' }), 401],
  [
    'a forged session',
    () => buildCookie(sealSession({ id: ID, endsAt: systemClock.now() + 60_000 }, 'another-token')),
    401,
  ],
  [
    'a session that is over',
    () => buildCookie(sealSession({ id: ID, endsAt: systemClock.now() - 1_000 }, ADMIN)),
    401,
  ],
  [
    'a session, asked for by another site',
    () => ({ ...buildCookie(signedIn()), 'sec-fetch-site': 'cross-site' }),
    403,
  ],
  ['a session', () => ({ ...buildCookie(signedIn()), 'sec-fetch-site': 'same-origin' }), 200],
  ['the token', () => ({ authorization: `Bearer ${ADMIN}` }), 200],
])('answers the overview: %s', async (_, headers, status) => {
  const response = await ask(headers())
  expect(response.status).toBe(status)
  expect(response.headers.get('cache-control')).toContain('no-store')
  if (status !== 200) expect(await response.json()).not.toHaveProperty('fields')
})

it('sends no command to Redis for a caller without a session', async () => {
  await ask()
  await ask(buildCookie('forged'))
  expect(redis.upstash.counters.commands).toBe(0)
})

it('knows in every instance that a session was signed out', async () => {
  const headers = buildCookie(signedIn())
  const session = findSession(() => headers.cookie.split('admin=')[1])
  expect((await ask(headers)).status).toBe(200)
  if (session) await revokeSession(session)
  // What this process remembers of it, another one does not.
  setProcessState('revoked sessions', createRevokedIds())
  expect((await ask(headers)).status).toBe(401)
  expect((await ask(buildCookie(signedIn()))).status).toBe(200)
})

it('the overview costs a few commands for any values, and shows none of them', async () => {
  const agents = await getFieldCache(agentsCacheConfig)
  const headers = buildCookie(signedIn())
  await ask(headers)
  redis.upstash.resetCounters()
  const text = await (await ask(headers)).text()
  expect(redis.upstash.counters.commands).toBeLessThanOrEqual(6)
  const { fields } = JSON.parse(text) as Overview
  expect(fields.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'agents fresh',
    'headcount never-fetched',
  ])
  for (const secret of [ADMIN, redis.token, TEST_AIRTABLE.apiKey, agents[0]?.name ?? '']) {
    expect(secret).not.toBe('')
    expect(text).not.toContain(secret)
  }
})

it('answers without Redis too, and says so', async () => {
  await redis.killEngine()
  const { fields, parts } = (await (await ask(buildCookie(signedIn()))).json()) as Overview
  expect(fields.map(({ status }) => status)).toEqual(['unknown', 'unknown'])
  expect(parts[0]).toMatchObject({ state: 'bad', summary: expect.stringContaining('does not answer') })
  await redis.reviveEngine()
})

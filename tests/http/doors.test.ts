import { readdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { newSessionCookie, sealSession } from '@/lib/http/auth/session'
import { systemClock } from '@/lib/shared/clock'
import { processPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import type { AirtableServer } from '@/local/airtable/server'
import { contentMac } from '@/local/airtable/webhooks/pings'
import { startUnlimitedAirtable, TEST_AIRTABLE } from '../kit/airtable/testAirtable'
import { createSkippingClock } from '../kit/clock/skippingClock'
import { appEnvironment, setEnvironment } from '../kit/process/environment'
import { redisForThisFile } from '../kit/redis/redisSuite'

const ADMIN = 'admin-token-of-the-tests'
const CRON = 'cron-secret-of-the-tests'
const METRICS = 'metrics-token-of-the-tests'
const HOOK = { id: 'ach0000000000Tests', secret: Buffer.from('secret-of-the-hook').toString('base64') }

const redis = redisForThisFile()
/** The work that answers have left for later. */
const later: Promise<void>[] = []
let airtable: AirtableServer

type Handler = (request: Request, context: { params: Promise<Record<string, string>> }) => Promise<Response>

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const session = (endsInMs: number, token = ADMIN) => ({
  cookie: `field-cache-admin=${sealSession({ id: 'a1b2c3d4e5f6a7b8', endsAt: systemClock.now() + endsInMs }, token)}`,
})
const FOREIGN = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }

/** Who knocks. `right` is what the row says opens its door. */
const CALLERS = {
  none: () => ({}),
  wrong: () => bearer('wrong-token-of-the-tests'),
  'another secret': (row: Row) => bearer(row.opens === CRON ? ADMIN : CRON),
  'forged session': () => session(60_000, 'another-admin-token-of-them'),
  'expired session': () => session(-1_000),
  session: () => ({ cookie: `field-cache-admin=${newSessionCookie(false)?.value}` }),
  'session, foreign': () => ({ cookie: `field-cache-admin=${newSessionCookie(false)?.value}`, ...FOREIGN }),
  right: (row: Row) => bearer(row.opens ?? ADMIN),
  'right, foreign': (row: Row) => ({ ...bearer(row.opens ?? ADMIN), ...FOREIGN }),
}

interface Row {
  /** The file in app/, without `/route.ts`. */
  route: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  path: string
  /** The bearer token that opens it. */
  opens?: string
  /** In the order of CALLERS. */
  answers: number[]
}

const open = [200, 200, 200, 200, 200, 200, 200, 200, 200]
const byToken = (closed: number) => [closed, closed, closed, closed, closed, closed, closed, 200, 200]
const field = (name: string, rest = '') => ({
  route: `api/fields/[name]${rest}`,
  path: `/api/fields/${name}${rest}`,
})

/** The status that each endpoint answers to each caller. Pages and Server Actions: tests/e2e/doors.test.ts. */
const TABLE: Row[] = [
  { route: 'api/airtable/agents', method: 'GET', path: '/api/airtable/agents', answers: open },
  {
    route: 'api/airtable/agents',
    method: 'GET',
    path: '/api/airtable/agents?forceRefresh=true',
    answers: open,
  },
  {
    route: 'api/airtable/agents/refresh',
    method: 'POST',
    path: '/api/airtable/agents/refresh',
    answers: byToken(401),
  },
  { ...field('agents'), method: 'GET', answers: open },
  { ...field('headcount'), method: 'GET', answers: byToken(404) },
  { ...field('unknown'), method: 'GET', answers: Array(9).fill(404) },
  { ...field('agents', '/refresh'), method: 'POST', answers: byToken(401) },
  { ...field('headcount', '/refresh'), method: 'POST', answers: byToken(404) },
  { ...field('unknown', '/refresh'), method: 'POST', answers: Array(9).fill(404) },
  { route: 'api/cron/refresh', method: 'GET', path: '/api/cron/refresh', opens: CRON, answers: byToken(401) },
  // Only the MAC counts, see below.
  {
    route: 'api/webhooks/airtable',
    method: 'POST',
    path: '/api/webhooks/airtable',
    answers: Array(9).fill(401),
  },
  { route: 'api/metrics', method: 'GET', path: '/api/metrics', opens: METRICS, answers: byToken(401) },
  { route: 'api/metrics', method: 'GET', path: '/api/metrics', answers: byToken(401) },
  { route: 'api/health', method: 'GET', path: '/api/health', answers: open },
  { route: 'health', method: 'GET', path: '/health', answers: open },
  {
    route: 'api/health/cache',
    method: 'GET',
    path: '/api/health/cache',
    opens: METRICS,
    answers: byToken(401),
  },
  {
    route: 'api/health/services/cache',
    method: 'GET',
    path: '/api/health/services/cache',
    answers: byToken(401),
  },
  {
    route: 'api/admin/overview',
    method: 'GET',
    path: '/api/admin/overview',
    answers: [401, 401, 401, 401, 401, 200, 403, 200, 200],
  },
  // Below /api nothing is a page: what no route takes is refused by this one.
  ...(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const).map((method) => ({
    route: 'api/[[...rest]]',
    method,
    path: '/api/nothing',
    answers: Array(9).fill(404),
  })),
]

const importRoute = (route: string): Promise<object> => import(resolve('app', route, 'route.ts'))

async function findHandler({ route, method }: Pick<Row, 'route' | 'method'>): Promise<Handler> {
  const handler = ((await importRoute(route)) as Record<string, Handler | undefined>)[method]
  if (!handler) throw new Error(`${route} has no ${method}`)
  return handler
}

/** `name`: the field in the path, as Next decodes it. */
async function knock(
  row: Omit<Row, 'answers'>,
  headers: Record<string, string>,
  name?: string,
): Promise<Response> {
  const handler = await findHandler(row)
  const request = new Request(`http://localhost${row.path}`, { method: row.method, headers })
  const found = name ?? /fields\/([^/?]+)/.exec(row.path)?.[1] ?? ''
  return handler(request, { params: Promise.resolve({ name: found }) })
}

const calls = () => redis.upstash.counters.requests + airtable.counters.requests

beforeAll(async () => {
  airtable = await startUnlimitedAirtable()
  setEnvironment({
    ...appEnvironment(redis, airtable),
    AIRTABLE_WEBHOOK_SECRETS: `${HOOK.id}:${HOOK.secret}`,
    ADMIN_TOKEN: ADMIN,
    CRON_SECRET: CRON,
    METRICS_TOKEN: METRICS,
  })
  const defer = (work: () => Promise<void>) => void later.push(work())
  setProcessState('ports', { ...processPorts(), defer, clock: createSkippingClock() })
  await initCoreServices(['cache', 'airtable'])
  return () => airtable.close()
})

describe('the table of doors', () => {
  it('the table has every route of app/ and every method that it answers', async () => {
    const routes = readdirSync('app', { recursive: true, encoding: 'utf8' })
      .filter((file) => /(^|\/)route\.tsx?$/.test(file))
      .map((file) => dirname(file))
    const methods = await Promise.all(
      routes.map(async (route) =>
        Object.keys(await importRoute(route))
          .filter((name) => /^[A-Z]+$/.test(name))
          .map((method) => `${method} ${route}`),
      ),
    )
    expect([...new Set(TABLE.map(({ method, route }) => `${method} ${route}`))].sort()).toEqual(
      methods.flat().sort(),
    )
  })

  it.each(TABLE)('$method $path, opened by $opens, answers as it says', async (row) => {
    const answers: Record<string, number> = {}
    for (const [caller, headersFor] of Object.entries(CALLERS)) {
      redis.upstash.resetCounters()
      airtable.resetCounters()
      const response = await knock(row, headersFor(row))
      answers[caller] = response.status
      const text = await response.text()
      for (const secret of [ADMIN, CRON, METRICS, HOOK.secret, redis.token, TEST_AIRTABLE.apiKey])
        expect(text).not.toContain(secret)
      if (response.status < 400) continue
      expect([caller, response.headers.get('content-type')]).toEqual([caller, 'application/problem+json'])
      expect(response.headers.get('cache-control')).toContain('no-store')
      // Who is refused costs nothing.
      expect([caller, calls()]).toEqual([caller, 0])
    }
    expect(answers).toEqual(
      Object.fromEntries(Object.keys(CALLERS).map((name, at) => [name, row.answers[at]])),
    )
    await Promise.all(later)
  })

  it('accepts pings only with the secret of the webhook', async () => {
    const ring = async (mac: (body: string) => string) => {
      const body = JSON.stringify({
        base: { id: TEST_AIRTABLE.baseId },
        webhook: { id: HOOK.id },
        timestamp: new Date(),
      })
      const headers = { 'x-airtable-content-mac': mac(body) }
      const handler = await findHandler({ route: 'api/webhooks/airtable', method: 'POST' })
      const request = new Request('http://localhost/api/webhooks/airtable', { method: 'POST', headers, body })
      return (await handler(request, { params: Promise.resolve({}) })).status
    }
    expect(await ring((body) => contentMac(HOOK.secret, body))).toBe(204)
    expect(await ring((body) => contentMac(Buffer.from('another secret').toString('base64'), body))).toBe(401)
    await Promise.all(later)
  })
})

describe('names of fields in URLs', () => {
  const TRICKS = [
    '..',
    '.',
    '../agents',
    '..%2fagents',
    '%2e%2e',
    'agents/',
    'agents/refresh',
    '/agents',
    '\\agents',
    'agents\0',
    '\0',
    'agents ',
    ' agents',
    'AGENTS',
    'agents?',
    'agents#',
    'agents;x',
    'agents%20',
    'agents\r\nSet-Cookie: a=b',
    '*',
    'ag*',
    '[a]gents',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'agents_list',
    'v1:agents_list',
    'field-cache-test:v1:agents_list',
    'field-cache-test:v1~token:key:agents_list',
    'a'.repeat(100_000),
    '\u{1F4A9}',
    'agénts',
    'аgents',
    'agents\u200b',
    '\uFFFD',
    '\uD800',
    '',
    'undefined',
    'null',
    '{"$ne":null}',
    "' OR 1=1 --",
  ]

  it.each(TRICKS.map((name) => [JSON.stringify(name).slice(0, 50), name]))(
    'the name %s is unknown for every caller, and Redis is not asked',
    async (_, name) => {
      redis.upstash.resetCounters()
      airtable.resetCounters()
      for (const headers of [{}, bearer(ADMIN)]) {
        for (const [rest, method] of [
          ['', 'GET'],
          ['/refresh', 'POST'],
        ] as const) {
          const row = { route: `api/fields/[name]${rest}`, method, path: `/api/fields/x${rest}` }
          const response = await knock(row, headers, name)
          expect(response.status).toBe(404)
          expect(await response.json()).toMatchObject({ code: 'FIELD_UNKNOWN' })
        }
      }
      expect(calls()).toBe(0)
    },
  )
})

import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sealSession } from '@/lib/http/auth/session'
import { ADMIN_TOKEN, type Backends, startBackends } from './support/backends'
import { type NextProcess, startNext } from './support/nextProcess'
import { fromHere, signInByForm, signInFields, visit } from './support/visitor'

let backends: Backends
let app: NextProcess
const session = (endsInMs: number, token = ADMIN_TOKEN) =>
  `field-cache-admin=${sealSession({ id: 'a1b2c3d4e5f6a7b8', endsAt: Date.now() + endsInMs }, token)}`

/** Who knocks at pages and calls Server Actions; tests/http/doors.test.ts has the rest. */
const CALLERS = {
  none: () => ({}),
  wrong: () => ({ cookie: session(60_000, 'another-admin-token-of-them') }),
  expired: () => ({ cookie: session(-1_000) }),
  right: () => ({ cookie: session(60_000) }),
  'right, foreign': () => ({
    cookie: session(60_000),
    origin: 'https://evil.example',
    'sec-fetch-site': 'cross-site',
  }),
}
type Answers = Record<keyof typeof CALLERS, string>
const askEach = async (ask: (headers: Record<string, string>) => Promise<string>) => {
  const answers: Partial<Answers> = {}
  for (const [caller, headers] of Object.entries(CALLERS))
    Object.assign(answers, { [caller]: await ask(headers()) })
  return answers
}

const PAGES: Record<string, Answers> = {
  '/': { none: '200', wrong: '200', expired: '200', right: '200', 'right, foreign': '200' },
  // From elsewhere a browser would have kept the cookie back: looking changes nothing.
  '/admin': {
    none: '200 Sign in',
    wrong: '200 Sign in',
    expired: '200 Sign in',
    right: '200 Fields',
    'right, foreign': '200 Fields',
  },
}
const OUT = { none: 'signed-out', wrong: 'signed-out', expired: 'signed-out', 'right, foreign': '403' }
/** By the names that app/admin/actions.ts exports. */
const ACTIONS: Record<string, Answers> = {
  refreshField: { ...OUT, right: 'begun' },
  refreshAllFields: { ...OUT, right: 'begun' },
  // The token alone counts, and it is not there.
  signIn: { none: 'wrong', wrong: 'wrong', expired: 'wrong', right: 'wrong', 'right, foreign': '403' },
  // A visitor who is signed out already gets no message, and nothing happens.
  signOut: { none: '200', wrong: '200', expired: '200', right: '200', 'right, foreign': '403' },
}

/** The id by which a Server Action is called. */
function actionIds(): Record<string, string> {
  const manifest = '.next/server/app/admin/page/server-reference-manifest.json'
  const { node } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    node: Record<string, { exportedName: string }>
  }
  return Object.fromEntries(Object.entries(node).map(([id, { exportedName }]) => [exportedName, id]))
}

beforeAll(async () => {
  backends = await startBackends()
  app = await startNext({ ...backends.env, CACHE_KEY_PREFIX: 'doors' })
})
afterAll(async () => {
  await app.stop()
  await backends.stop()
})

describe('the table of doors', () => {
  it('has every page and every Server Action', () => {
    const pages = readdirSync('app', { recursive: true, encoding: 'utf8' })
      .filter((file) => /(^|\/)page\.tsx$/.test(file))
      .map((file) => `/${file.replace(/\/?page\.tsx$/, '')}`)
    expect(Object.keys(PAGES).sort()).toEqual(pages.sort())
    expect(Object.keys(ACTIONS).sort()).toEqual(Object.keys(actionIds()).sort())
  })

  it.each(Object.entries(PAGES))('%s shows to each what is theirs', async (path, answers) => {
    const look = async (headers: Record<string, string>) => {
      const { status, text } = await visit(app.url, path, { headers })
      const [, title] = /<h[12][^>]*>(Sign in|Fields)\b/.exec(text) ?? []
      return title === undefined ? `${status}` : `${status} ${title}`
    }
    expect(await askEach(look)).toEqual(answers)
  })

  it.each(Object.entries(ACTIONS))('%s does for each what they may', async (name, answers) => {
    const id = actionIds()[name] ?? ''
    const call = async (headers: Record<string, string>) => {
      const boundary = 'a-boundary'
      const part = (field: string, value: string) =>
        `--${boundary}\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`
      const body = `${part('_1_name', 'agents')}${part('0', '[null,"$K1"]')}--${boundary}--\r\n`
      const type = `multipart/form-data; boundary=${boundary}`
      const sent = { ...fromHere(app.url), 'next-action': id, 'content-type': type, ...headers }
      const { status, text } = await visit(app.url, '/admin', { method: 'POST', headers: sent, body })
      const [, said] = /"(?:result|problem)":"([^"]+)"/.exec(text) ?? []
      return said ?? `${status}`
    }
    expect(await askEach(call)).toEqual(answers)
  })
})

it('signing in takes the token, from a page of this site', async () => {
  const fields = await signInFields(app.url)
  expect(await signInByForm(app.url, fields, 'wrong-token-of-somebody')).toMatchObject({ cookie: undefined })
  expect(await signInByForm(app.url, fields, ADMIN_TOKEN, { origin: 'https://evil.example' })).toMatchObject({
    status: 403,
    cookie: undefined,
  })
  const { cookie = '' } = await signInByForm(app.url, fields, ADMIN_TOKEN)
  expect((await visit(app.url, '/api/admin/overview', { headers: { cookie } })).status).toBe(200)
})

describe('each address', () => {
  const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'HEAD']
  it.each([
    ['/', '405 405 405 405 204 405 200'],
    ['/admin', '403 405 405 405 204 405 200'],
    ['/no-such-page', '405 405 405 405 204 405 404'],
    ['/api/airtable/agents', '405 405 405 405 204 400 200'],
    ['/api/airtable/agents/refresh', '401 405 405 405 204 400 405'],
    ['/api/fields/agents', '405 405 405 405 204 400 200'],
    ['/api/cron/refresh', '405 405 405 405 204 400 401'],
    ['/api/webhooks/airtable', '401 405 405 405 204 400 405'],
    ['/api/health', '405 405 405 405 204 400 200'],
    ['/api/metrics', '405 405 405 405 204 400 401'],
    ['/icon.svg', '405 405 405 405 204 405 200'],
    ['/health', '405 405 405 405 204 400 200'],
    ['/_next/image', '405 405 405 405 204 405 400'],
    ['/_next/static/no-such-file.js', '404 404 404 404 404 400 404'],
    ['/_global-error', '404 404 404 404 204 404 404'],
    ['/api', '404 404 404 404 404 400 404'],
    ['/api/no-such-route', '404 404 404 404 404 400 404'],
  ])('%s answers the methods that it has, and refuses the others', async (path, expected) => {
    const statuses = []
    for (const method of METHODS) statuses.push((await visit(app.url, path, { method })).status)
    expect(statuses.join(' ')).toBe(expected)
  })
})

/** Next takes calls of Server Actions at every path that ends at a page, and fails at those that are broken. */
describe('a broken call of a Server Action', () => {
  const form = (name: string) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nx\r\n`
  const multipart = 'multipart/form-data; boundary=b'
  const id = `60${'a'.repeat(40)}`
  const CALLS: Record<string, { headers: Record<string, string>; body: string }> = {
    'a form without a boundary': {
      headers: { 'next-action': id, 'content-type': 'multipart/form-data' },
      body: 'x',
    },
    'a form that is cut off': { headers: { 'content-type': multipart }, body: form('x') },
    'a form that names an action': {
      headers: { 'content-type': multipart },
      body: `${form(`$ACTION_ID_${id}`)}--b--\r\n`,
    },
    'an origin that is no URL': {
      headers: { 'next-action': id, 'content-type': 'text/plain', origin: 'garbage' },
      body: '[]',
    },
    'another origin': {
      headers: { 'next-action': id, 'content-type': 'text/plain', origin: 'https://evil.example' },
      body: '[]',
    },
    'the header of a navigation': {
      headers: { 'next-action': id, 'content-type': 'text/plain', 'next-router-state-tree': 'garbage' },
      body: '{{{',
    },
  }

  it.each([
    ['/', 405],
    ['/admin', 403],
    ['/admin.rsc', 403],
    ['/no-such-page', 405],
    ['/_not-found', 405],
    ['/_global-error', 404],
    ['/icon.svg', 405],
    ['/icon.svgx', 405],
    ['/_next/image?url=%2Ficon.svg&w=64&q=75', 405],
    ['/_next/imagex', 405],
    ['/_next/static', 405],
    ['/_next/static/no-such-file.js', 404],
    ['/api', 404],
    ['/api/no-such-route', 404],
    ['/api/..%2fadmin', 404],
    ['/%61pi/no-such-route', 405],
    ['/api/airtable/agents/no-such-route', 404],
  ])('at %s is refused as %i, and fails nowhere', async (path, status) => {
    const before = app.output().length
    for (const [what, { headers, body }] of Object.entries(CALLS)) {
      const answer = await visit(app.url, path, { method: 'POST', headers, body })
      expect([what, answer.status, answer.headers['content-type']]).toEqual([
        what,
        status,
        'application/problem+json',
      ])
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
    }
    expect(app.output().slice(before)).not.toMatch(/Error|⨯/)
  })

  it('is refused at a file of the build, too', async () => {
    const [, file = ''] = /src="(\/_next\/static\/[^"]+\.js)/.exec((await visit(app.url, '/')).text) ?? []
    expect((await visit(app.url, file)).status).toBe(200)
    for (const { headers, body } of Object.values(CALLS))
      expect((await visit(app.url, file, { method: 'POST', headers, body })).status).toBe(404)
  })

  it('leaves what is only looked at with a policy and an id', async () => {
    for (const path of [
      '/no-such-page',
      '/icon.svgx',
      '/_next/imagex',
      '/_next/static',
      '/api/no-such-route',
    ]) {
      const { headers, status } = await visit(app.url, path)
      expect([path, status]).toEqual([path, 404])
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
    }
  })
})

/** Everything that strangers can send, at once and for as long as they like: it must neither cost nor break anything. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { contentMac } from '@/local/airtable/webhooks/pings'
import { createHook } from '../kit/airtable/airtableHooks'
import { TEST_AIRTABLE } from '../kit/airtable/testAirtable'
import { ADMIN_TOKEN, type Backends, CRON_SECRET, startBackends } from './support/backends'
import { type NextProcess, startNext } from './support/nextProcess'
import { NONSENSE, RAW_NONSENSE } from './support/nonsense'
import {
  type Answer,
  fromHere,
  openConnections,
  residentBytes,
  sendRaw,
  signInByForm,
  signInFields,
  visit,
} from './support/visitor'

const MB = 1024 * 1024
/** What the heap of the server may grow to: a caller that could fill it would end the process. */
const HEAP_MB = 96
/** How much more resident memory the server may have after all of it than after a little of each. */
const GROWTH = 48 * MB

const admin = { authorization: `Bearer ${ADMIN_TOKEN}` }
const WEBHOOK = '/api/webhooks/airtable'

let backends: Backends
let app: NextProcess
let hook: { id: string; macSecretBase64: string }
let signInPage: Record<string, string>

beforeAll(async () => {
  backends = await startBackends()
  hook = await createHook(backends.airtable, { filters: { recordChangeScope: TEST_AIRTABLE.tableId } })
  app = await startNext({
    ...backends.env,
    CACHE_KEY_PREFIX: 'hostile',
    AIRTABLE_WEBHOOK_SECRETS: `${hook.id}:${hook.macSecretBase64}`,
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
  })
  signInPage = await signInFields(app.url)
  expect((await visit(app.url, '/api/airtable/agents')).status).toBe(200)
})
afterAll(async () => {
  await app.stop()
  await backends.stop()
})
/** Whatever has just happened, who may gets in, and plain reads are answered. */
afterEach(async () => {
  expect((await signInByForm(app.url, signInPage, ADMIN_TOKEN)).cookie).toMatch(/^field-cache-admin=./)
  expect((await visit(app.url, '/api/airtable/agents')).status).toBe(200)
})

/** How often each status came, of requests that are sent by so many at a time. */
async function tally(count: number, atATime: number, send: (index: number) => Promise<Answer>) {
  const statuses: Record<number, number> = {}
  let next = 0
  const worker = async () => {
    while (next < count) {
      const { status } = await send(next++)
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: atATime }, worker))
  return statuses
}

/** The same of requests that are sent at a rate, whether the ones before were answered or not. */
async function tallyAtRate(perSecond: number, seconds: number, send: () => Promise<Answer>) {
  const sent: Promise<Answer>[] = []
  const start = performance.now()
  while (sent.length < perSecond * seconds) {
    const due = ((performance.now() - start) / 1000) * perSecond
    while (sent.length < Math.min(due, perSecond * seconds)) sent.push(send())
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const answers = await Promise.all(sent)
  return tally(answers.length, 1, async (index) => answers[index] as Answer)
}

const failures = (statuses: Record<number, number>) =>
  Object.keys(statuses).filter((status) => Number(status) === 0 || Number(status) >= 500)

async function hugeBodies(count: number): Promise<Record<number, number>> {
  const body = Buffer.alloc(10 * MB, 'x')
  const paths = ['/', '/admin', WEBHOOK, '/api/airtable/agents/refresh', '/api/cron/refresh', '/no-such-page']
  return tally(count, 20, (index) => {
    const path = paths[index % paths.length] ?? '/'
    // Half of them do not say how long they are.
    const length: Record<string, string> =
      index % 2 === 0 ? { 'content-length': String(body.length) } : { 'transfer-encoding': 'chunked' }
    const headers = { ...fromHere(app.url), 'content-type': 'text/plain', 'next-action': 'x', ...length }
    return visit(app.url, path, { method: 'POST', headers, body })
  })
}

let afterALittle = 0

it('nonsense in paths, headers, methods and bodies is refused, and nothing of it comes back', async () => {
  const seen: string[] = []
  for (const { path, ...rest } of NONSENSE) {
    const { status, headers, text } = await visit(app.url, path, rest)
    if (status === 0 || status >= 500) seen.push(`${status} ${path} ${JSON.stringify(rest)}`)
    expect(headers).not.toHaveProperty('x-injected')
    expect(headers['set-cookie']).toBeUndefined()
    expect(text).not.toContain(ADMIN_TOKEN)
  }
  expect(seen).toEqual([])
  for (const raw of RAW_NONSENSE) expect(await sendRaw(app.url, raw)).toMatch(/^(HTTP\/1\.1 [1234]\d\d .*)?$/)
})

it('huge bodies are refused without being kept', async () => {
  await hugeBodies(12)
  afterALittle = residentBytes(app.pid)
  const statuses = await hugeBodies(60)
  expect(failures(statuses)).toEqual([])
  expect(Object.keys(statuses).filter((status) => Number(status) < 400)).toEqual([])
})

it('thousands of wrong tokens are answered, and the right one gets in among them', async () => {
  const id = JSON.parse(signInPage['$ACTION_1:0'] ?? '{}').id as string
  const boundary = 'a-boundary'
  const part = (name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  let right = 0
  const statuses = await tally(2_000, 40, async (index) => {
    const address = { 'x-forwarded-for': `10.${index >> 8}.${index & 255}.1` }
    if (index % 500 === 250) {
      const { status, cookie } = await signInByForm(app.url, signInPage, ADMIN_TOKEN, address)
      if (cookie) right += 1
      return { status, headers: {}, text: '' }
    }
    const body = `${part('_1_token', `wrong-token-number-${index}`)}${part('0', '[null,"$K1"]')}--${boundary}--\r\n`
    const type = `multipart/form-data; boundary=${boundary}`
    const headers = { ...fromHere(app.url), ...address, 'next-action': id, 'content-type': type }
    return visit(app.url, '/admin', { method: 'POST', headers, body })
  })
  expect(failures(statuses)).toEqual([])
  expect(right).toBe(4)
  // All that is noted of them, whatever their number: fifty at once, and one each two seconds.
  expect(app.output().match(/"admin\.refused"/g)?.length).toBeLessThan(150)
})

it('forced refreshes at 100 a second ask the source within its budget', async () => {
  backends.airtable.resetCounters()
  const started = performance.now()
  const [trusted, posted, anonymous] = await Promise.all([
    tallyAtRate(100, 3, () => visit(app.url, '/api/airtable/agents?forceRefresh=true', { headers: admin })),
    tallyAtRate(100, 3, () =>
      visit(app.url, '/api/fields/agents/refresh', { method: 'POST', headers: admin }),
    ),
    tallyAtRate(100, 3, () => visit(app.url, '/api/airtable/agents?forceRefresh=true')),
  ])
  const seconds = (performance.now() - started) / 1000
  for (const statuses of [trusted, posted])
    expect(Object.keys(statuses).filter((status) => !['200', '429'].includes(status))).toEqual([])
  expect(Object.keys(anonymous)).toEqual(['200'])
  expect(backends.airtable.counters.refusals).toBe(0)
  // Three pages each: of the burst, of what the time allows then, and of the one without the token.
  expect(backends.airtable.counters.requests).toBeLessThanOrEqual(3 * (20 + seconds / 2 + 2))
})

it('forged pings at 100 a second cost no command, and replayed ones next to none', async () => {
  const { baseId } = TEST_AIRTABLE
  const ping = (timestamp: number) =>
    JSON.stringify({ base: { id: baseId }, webhook: { id: hook.id }, timestamp: new Date(timestamp) })
  const post = (body: string, mac: string) =>
    visit(app.url, WEBHOOK, { method: 'POST', headers: { 'x-airtable-content-mac': mac }, body })
  const genuine = ping(Date.now())
  const ring = () => post(genuine, contentMac(hook.macSecretBase64, genuine))
  expect((await ring()).status).toBe(204)
  // The first look at a table asks for a second one, a moment later: that is the work of this ping, not of its replays.
  await expect.poll(() => app.output(), { timeout: 20_000 }).toMatch(/"webhook.processed".*"cause":"recheck"/)
  backends.airtable.resetCounters()
  backends.redis.upstash.resetCounters()
  const forged = ping(Date.now() + 60_000)
  const mac = contentMac(Buffer.from('another secret').toString('base64'), forged)
  expect(await tallyAtRate(100, 2, () => post(forged, mac))).toEqual({ 401: 200 })
  expect(await tallyAtRate(100, 2, ring)).toEqual({ 204: 200 })
  expect(backends.airtable.counters.requests).toBe(0)
  // The metrics are written now and then, whatever was counted.
  expect(backends.redis.upstash.counters.commands).toBeLessThan(10)
})

it('connections that send nothing, half of a request or half of a body keep no caller out', async () => {
  const half = `POST ${WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"base":`
  const [silent, unfinished, waiting] = await Promise.all([
    openConnections(app.url, 500),
    openConnections(app.url, 50, 'GET /api/health HTTP/1.1\r\nHost: x\r\nX-A: '),
    openConnections(app.url, 50, half),
  ])
  const refused = Promise.all(
    waiting.map(
      (socket) => new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data)))),
    ),
  )
  expect(await tally(100, 10, () => visit(app.url, '/api/airtable/agents'))).toEqual({ 200: 100 })
  expect((await signInByForm(app.url, signInPage, ADMIN_TOKEN)).cookie).toBeDefined()
  // A caller that does not send its ping is not waited for.
  for (const answer of await refused) expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  for (const socket of [...silent, ...unfinished, ...waiting]) socket.destroy()
})

it('a body that stalls holds no answer back, at whatever door', async () => {
  const { host } = new URL(app.url)
  const action = `Origin: ${app.url}\r\nSec-Fetch-Site: same-origin\r\nNext-Action: x\r\nContent-Type: `
  const DOORS = [
    ['POST /', '405'],
    ['PUT /admin', '405'],
    ['POST /admin', '403'],
    ['POST /admin', '400', `${action}text/plain\r\n`],
    ['POST /admin', '400', `${action}multipart/form-data; boundary=b\r\n`],
    ['POST /no-such-page', '405'],
    ['OPTIONS /no-such-page', '204'],
    ['POST /icon.svg', '405'],
    ['POST /_next/imagex', '405'],
    ['POST /_next/static/x.js', '404'],
    ['POST /api/no-such-route', '404'],
    ['POST /api/airtable/agents/refresh', '401'],
    ['POST /api/webhooks/airtable', '401'],
    ['POST /api/health', '405'],
    ['GET /', '200'],
  ] as const
  const before = app.output().length
  const statuses = await Promise.all(
    DOORS.map(async ([door, , headers = '']) => {
      const half = `${door} HTTP/1.1\r\nHost: ${host}\r\n${headers}Content-Length: 100\r\n\r\nhalf of it`
      const [socket] = await openConnections(app.url, 1, half)
      const answer = await new Promise<string>((resolve) => {
        socket?.once('data', (data) => resolve(String(data)))
        socket?.once('close', () => resolve('closed without an answer'))
      })
      socket?.destroy()
      return `${door} ${/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? answer}`
    }),
  )
  expect(statuses).toEqual(DOORS.map(([door, status]) => `${door} ${status}`))
  expect(app.output().slice(before)).not.toMatch(/uncaught|Error/)
})

it('after all of it the server is the same process, no larger, and has told no secret', async () => {
  const after = residentBytes(app.pid)
  expect(after - afterALittle).toBeLessThan(GROWTH)
  for (const secret of [
    ADMIN_TOKEN,
    CRON_SECRET,
    backends.redis.token,
    TEST_AIRTABLE.apiKey,
    hook.macSecretBase64,
  ])
    expect(app.output()).not.toContain(secret)
})

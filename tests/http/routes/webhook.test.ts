import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { GET as runCron } from '@/app/api/cron/refresh/route'
import { GET as getByName } from '@/app/api/fields/[name]/route'
import { POST as ping } from '@/app/api/webhooks/airtable/route'
import type { Agent } from '@/lib/core-services/cache/fieldCacheConfigs'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { processPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { recordEvents } from '@/lib/testing/events'
import type { AirtableServer } from '@/local/airtable/server'
import { contentMac } from '@/local/airtable/webhooks/pings'
import { askHooks, createHook } from '../../kit/airtable/airtableHooks'
import { askAirtable, startUnlimitedAirtable, TEST_AIRTABLE } from '../../kit/airtable/testAirtable'
import { createSkippingClock } from '../../kit/clock/skippingClock'
import { appEnvironment, setEnvironment } from '../../kit/process/environment'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const CRON = 'cron-secret-of-the-tests'
const redis = redisForThisFile()
const events = recordEvents()
let airtable: AirtableServer
let hook: { id: string; macSecretBase64: string }
let rung = Date.now()
/** The work that answers have left for later. */
const later: Promise<void>[] = []

/** What Airtable posts; each ping is a moment newer than the one before. */
function makePing(webhookId = hook.id) {
  rung += 1
  const base = { id: TEST_AIRTABLE.baseId }
  return JSON.stringify({ base, webhook: { id: webhookId }, timestamp: new Date(rung).toISOString() })
}

function post(body: string | ReadableStream, mac?: string) {
  const headers = { 'content-type': 'application/json', ...(mac ? { 'x-airtable-content-mac': mac } : {}) }
  const init = { method: 'POST', headers, body, duplex: 'half' }
  return ping(new Request('http://localhost/api/webhooks/airtable', init))
}

const postSigned = (body: string) => post(body, contentMac(hook.macSecretBase64, body))

async function agents(): Promise<Agent[]> {
  const request = new Request('http://localhost/api/fields/agents')
  return (await getByName(request, { params: Promise.resolve({ name: 'agents' }) })).json()
}

const rename = (id: string, name: string) =>
  askAirtable(airtable, `${TEST_AIRTABLE.tableId}/${id}`, {
    method: 'PATCH',
    body: { fields: { Nombre: name } },
  })

const allDone = () => Promise.all(later)

beforeAll(async () => {
  airtable = await startUnlimitedAirtable()
  setEnvironment({
    ...appEnvironment(redis, airtable),
    // Each test begins with an empty Redis, and the memory of the process would know better.
    CACHE_MEMORY_MAX_BYTES: '0',
    CRON_SECRET: CRON,
  })
  setProcessState('ports', {
    ...processPorts(),
    emit: events.emit,
    defer: (work: () => Promise<void>) => void later.push(work()),
    clock: createSkippingClock(),
  })
  await initCoreServices(['cache', 'airtable'])
})
afterAll(() => airtable.close())
beforeEach(async () => {
  await redis.flushButBudget()
  const filters = { recordChangeScope: TEST_AIRTABLE.tableId }
  hook = await createHook(airtable, { filters })
  setEnvironment({ AIRTABLE_WEBHOOK_SECRETS: `${hook.id}:${hook.macSecretBase64}` })
  // The ping that comes soon after the creation.
  await postSigned(makePing())
  await allDone()
  airtable.resetCounters()
  redis.upstash.resetCounters()
  events.all.length = 0
  later.length = 0
  return () => askHooks(airtable, `/${hook.id}`, { method: 'DELETE' })
})

describe('POST /api/webhooks/airtable', () => {
  it('answers 204 without a body before any work, and then the fields follow the change', async () => {
    const [first] = await agents()
    expect(first).toBeDefined()
    await rename(first?.id ?? '', 'Aaron Aardvark')
    airtable.resetCounters()
    const response = await postSigned(makePing())
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(response.headers.get('cache-control')).toContain('no-store')
    expect(airtable.counters.requests).toBe(0)
    await allDone()
    expect(await agents()).toContainEqual({ id: first?.id, name: 'Aaron Aardvark' })
    // The payloads, and the one record of the one field that is stored, which is looked at twice.
    expect(airtable.counters.byKind).toEqual({ listPayloads: 1, list: 2 })
    await rename(first?.id ?? '', first?.name ?? '')
  })

  it('fetches nothing when nothing has changed', async () => {
    await agents()
    airtable.resetCounters()
    await postSigned(makePing())
    await allDone()
    expect(airtable.counters.byKind).toEqual({ listWebhooks: 1, listPayloads: 1 })
  })

  it('drains once for a ping and all its replays, each of which is answered 204', async () => {
    const body = makePing()
    const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await postSigned(body)).status))
    await allDone()
    expect(events.of('webhook.pinged')).toHaveLength(5)
    expect(events.of('webhook.processed')).toHaveLength(1)
    expect(airtable.counters.byKind.listPayloads).toBe(1)
    // From now on this process knows that it is a replay; another one asks Redis, once each.
    redis.upstash.resetCounters()
    for (let again = 0; again < 5; again += 1) statuses.push((await postSigned(body)).status)
    await allDone()
    expect(statuses).toEqual(Array(10).fill(204))
    expect(redis.upstash.counters.commands).toBe(0)
    setProcessState('settled pings', new Map())
    await postSigned(body)
    await allDone()
    expect(events.of('webhook.pinged').at(-1)).toMatchObject({ replayed: true })
    expect(redis.upstash.counters.commands).toBe(1)
    expect(airtable.counters.byKind.listPayloads).toBe(1)
  })

  const tooLong = () => JSON.stringify({ ...JSON.parse(makePing()), more: 'x'.repeat(65_536) })
  const sign = (body: string) => contentMac(hook.macSecretBase64, body)
  const broken = () =>
    new ReadableStream({ pull: (controller) => controller.error(new Error('the connection is gone')) })
  it.each<[string, () => Promise<Response>]>([
    ['no MAC', () => post(makePing())],
    ['a forged MAC', () => post(makePing(), contentMac('Zm9yZ2VkLXNlY3JldA==', makePing()))],
    ['the MAC of another ping', () => post(makePing(), sign(makePing()))],
    ['half of the MAC', () => post(makePing(), sign('').slice(0, 40))],
    [
      'a body that was cut off',
      () => {
        const body = makePing()
        return post(body.slice(0, -5), sign(body))
      },
    ],
    ['a body that breaks off', () => post(broken(), sign(''))],
    ['a body that does not come', () => post(new ReadableStream(), sign(''))],
    ['no body', () => post('', sign(''))],
    ['an unknown webhook', () => postSigned(makePing('achNobody00000001'))],
    ['64 KB and more', () => postSigned(tooLong())],
    ['a body that is no ping', () => postSigned('{"hello":"world"}')],
    [
      'a MAC without its prefix',
      () => {
        const body = makePing()
        return post(body, sign(body).slice('hmac-sha256='.length))
      },
    ],
    [
      'no secret in the environment',
      () => {
        setEnvironment({ AIRTABLE_WEBHOOK_SECRETS: undefined })
        return postSigned(makePing())
      },
    ],
    [
      'a secret that is unusable',
      () => {
        setEnvironment({ AIRTABLE_WEBHOOK_SECRETS: `${hook.id}:!` })
        return postSigned(makePing())
      },
    ],
  ])('answers 401 to %s, always the same, and does nothing', async (_, send) => {
    const response = await send()
    expect(response.status).toBe(401)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': expect.stringContaining('no-store'),
      'www-authenticate': 'X-Airtable-Content-MAC',
    })
    expect(await response.json()).toEqual({
      type: 'urn:problem:field-cache:ping-unverified',
      title: 'A valid MAC is needed',
      status: 401,
      code: 'PING_UNVERIFIED',
      detail: 'The ping is not signed by a webhook whose secret is in AIRTABLE_WEBHOOK_SECRETS',
      error: 'Failed to take the ping',
    })
    expect([later, airtable.counters.requests, redis.upstash.counters.requests]).toEqual([[], 0, 0])
    expect(events.all).toEqual([])
  })

  it('answers 503 when Redis cannot record the ping, so that Airtable sends it again, and drains nothing', async () => {
    await redis.killEngine()
    const body = makePing()
    const response = await postSigned(body)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: expect.stringMatching(/^REDIS_/) })
    expect([later, airtable.counters.requests]).toEqual([[], 0])
    expect(events.of('request.failed')).toHaveLength(1)
    await redis.reviveEngine()
    expect((await postSigned(body)).status).toBe(204)
    await allDone()
    expect(events.of('webhook.processed')[0]).toMatchObject({ cause: 'ping' })
  })
})

describe('GET /api/cron/refresh', () => {
  const cron = async () => {
    const headers = { authorization: `Bearer ${CRON}` }
    const response = await runCron(new Request('http://localhost/api/cron/refresh', { headers }))
    return { status: response.status, body: await response.json() }
  }
  const told = { base: TEST_AIRTABLE.baseId }

  it('the cron makes up for a lost ping', async () => {
    const [first] = await agents()
    await cron()
    await rename(first?.id ?? '', 'Aaron Aardvark')
    expect(await agents()).toContainEqual(first)
    const { status, body } = await cron()
    expect(status).toBe(200)
    expect(body).toMatchObject({ webhooks: [{ ...told, webhook: hook.id, outcome: 'alive', drained: true }] })
    expect(await agents()).toContainEqual({ id: first?.id, name: 'Aaron Aardvark' })
    await rename(first?.id ?? '', first?.name ?? '')
  })

  it('the cron makes up for a dead webhook, and says how to replace it', async () => {
    const [first] = await agents()
    await askHooks(airtable, `/${hook.id}`, { method: 'DELETE' })
    await rename(first?.id ?? '', 'Aaron Aardvark')
    const { status, body } = await cron()
    expect(status).toBe(200)
    expect(body).toMatchObject({
      webhooks: [{ webhook: hook.id, outcome: 'dead', hint: expect.stringContaining('-- create') }],
      fields: [{ outcome: 'refreshed' }, { outcome: 'refreshed' }],
    })
    expect(await agents()).toContainEqual({ id: first?.id, name: 'Aaron Aardvark' })
    await rename(first?.id ?? '', first?.name ?? '')
  })

  it('answers 502 when a webhook could not be maintained', async () => {
    await cron()
    await airtable.faults.set({ kind: 'forbidden', match: '/webhooks' })
    const { status, body } = await cron()
    await airtable.faults.clear()
    expect(status).toBe(502)
    expect(body).toMatchObject({ webhooks: [{ ...told, outcome: 'failed', code: 'AIRTABLE_FORBIDDEN' }] })
  })

  it('sends no request about webhooks when there are none', async () => {
    setEnvironment({ AIRTABLE_WEBHOOK_SECRETS: undefined })
    expect((await cron()).body).toMatchObject({ webhooks: [] })
    expect(airtable.counters.byKind.listWebhooks).toBeUndefined()
  })
})

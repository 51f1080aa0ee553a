import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { askHooks, createHook, edit, listHooks, listPayloads } from '@/tests/kit/airtable/airtableHooks'
import { fivePeople, startFivePeople } from '@/tests/kit/airtable/fivePeople'

const DAY_MS = 86_400_000

let server: AirtableServer
let clock: { now: number }
let started: number

beforeEach(async () => {
  clock = { now: 0 }
  started = Date.now()
  server = await startFivePeople(clock)
})
afterEach(() => server.close())

const daysLeft = (time: unknown): number => (Date.parse(String(time)) - started - clock.now) / DAY_MS

const post = (path: string, body?: unknown) => askHooks(server, path, { method: 'POST', body })
const filters = (more: object) => ({ specification: { options: { filters: more } } })

describe('a new webhook', () => {
  it('a new webhook is answered with its secret and the end of its seven days', async () => {
    const hook = await createHook(server)
    expect(hook).toEqual({
      id: expect.stringMatching(/^ach\w{14}$/),
      macSecretBase64: expect.stringMatching(/^[\w+/]{43}=$/),
      expirationTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(daysLeft(hook.expirationTime)).toBeCloseTo(7, 2)
  })

  it('lists a webhook as the vendor does, without its secret', async () => {
    const specification = {
      options: { filters: { dataTypes: ['tableData'], recordChangeScope: fivePeople.id } },
    }
    const { id, expirationTime } = (await (await post('', { specification })).json()) as Record<
      string,
      string
    >
    expect(await listHooks(server)).toEqual([
      {
        id,
        areNotificationsEnabled: false,
        cursorForNextPayload: 1,
        expirationTime,
        isHookEnabled: true,
        lastNotificationResult: null,
        lastSuccessfulNotificationTime: null,
        notificationUrl: null,
        specification,
      },
    ])
  })

  it('refuses an eleventh webhook until one is deleted', async () => {
    const [first] = await Promise.all(Array.from({ length: 10 }, () => createHook(server)))
    const body = filters({ dataTypes: ['tableData'] })
    const refused = await post('', body)
    expect(refused.status).toBe(422)
    expect(await refused.json()).toHaveProperty('error.type', 'TOO_MANY_WEBHOOKS_IN_BASE')
    await askHooks(server, `/${first?.id}`, { method: 'DELETE' })
    expect((await post('', body)).status).toBe(200)
  })

  it.each([
    ['no specification', {}],
    ['no data types', filters({ dataTypes: [] })],
    ['a data type that is none', filters({ dataTypes: ['records'] })],
    ['the name of a table', filters({ dataTypes: ['tableData'], recordChangeScope: 'People' })],
    ['the name of a field', filters({ dataTypes: ['tableData'], watchDataInFieldIds: ['Nombre'] })],
    ['a filter this server does not know', filters({ dataTypes: ['tableData'], sourceOptions: {} })],
    ['an address that is none', { ...filters({ dataTypes: ['tableData'] }), notificationUrl: 'nowhere' }],
  ])('refuses a new webhook with %s', async (_, body) => {
    const response = await post('', body)
    expect(response.status).toBe(422)
    expect(await response.json()).toHaveProperty('error.type', 'INVALID_REQUEST_UNKNOWN')
    expect(await listHooks(server)).toEqual([])
  })
})

describe('the life of a webhook', () => {
  it('refresh and listing payloads extend a webhook to seven days', async () => {
    const { id } = await createHook(server)
    clock.now += 6 * DAY_MS
    const refreshed = (await (await post(`/${id}/refresh`)).json()) as { expirationTime: string }
    expect(daysLeft(refreshed.expirationTime)).toBeCloseTo(7, 2)
    clock.now += 6 * DAY_MS
    await listPayloads(server, id)
    expect(daysLeft((await listHooks(server))[0]?.expirationTime)).toBeCloseTo(7, 2)
  })

  it('a webhook ends after seven days: no new payloads, the old ones for a week, then nothing', async () => {
    const { id } = await createHook(server)
    clock.now += 6 * DAY_MS
    await edit(server, 1, { Edad: 31 })
    clock.now += DAY_MS
    await edit(server, 1, { Edad: 32 })
    expect((await listPayloads(server, id)).payloads).toHaveLength(1)
    expect((await post(`/${id}/refresh`)).status).toBe(422)
    expect((await listHooks(server))[0]).toMatchObject({ isHookEnabled: false, cursorForNextPayload: 2 })
    clock.now += 7 * DAY_MS
    expect(await listHooks(server)).toEqual([])
  })

  it('an action ends a webhook at once', async () => {
    const { id } = await createHook(server)
    server.controls.act({ do: 'expire', webhook: id })
    expect((await listHooks(server))[0]).toMatchObject({ isHookEnabled: false })
  })

  it('deleting a webhook ends it, and is answered without a body', async () => {
    const { id } = await createHook(server)
    const deleted = await askHooks(server, `/${id}`, { method: 'DELETE' })
    expect([deleted.status, await deleted.text()]).toEqual([200, ''])
    expect(await listHooks(server)).toEqual([])
  })

  it.each([
    ['GET', '/achNobody00000001/payloads'],
    ['POST', '/achNobody00000001/refresh'],
    ['DELETE', '/achNobody00000001'],
  ])('answers 404 for an unknown webhook to %s %s', async (method, path) => {
    const response = await askHooks(server, path, { method })
    expect([response.status, await response.json()]).toEqual([404, { error: 'NOT_FOUND' }])
  })
})

describe('who asks for webhooks', () => {
  it('requests for webhooks share the five a second of reading records', async () => {
    const strict = await startFivePeople({ now: 0 }, { clock: () => 0 })
    for (let i = 0; i < 4; i += 1) await listHooks(strict)
    await edit(strict, 1, { Edad: 31 })
    expect((await askHooks(strict)).status).toBe(429)
    expect(strict.counters.byKind).toEqual({ listWebhooks: 5, update: 1 })
    await strict.close()
  })

  it('requests for webhooks need the key and the right base', async () => {
    const url = `${server.url}/v0/bases/${server.baseId}/webhooks`
    expect((await fetch(url)).status).toBe(401)
    const headers = { authorization: `Bearer ${server.apiKey}` }
    expect((await fetch(url.replace('appTest', 'appElse'), { headers })).status).toBe(403)
  })
})

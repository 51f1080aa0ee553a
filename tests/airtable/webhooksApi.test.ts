import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createWebhooksApi, type WebhooksApi } from '@/lib/core-services/airtable/webhooksApi'
import type { AirtableServer } from '@/local/airtable/server'
import { airtableClient } from '@/tests/kit/airtable/airtableClient'
import { edit } from '@/tests/kit/airtable/airtableHooks'
import { fivePeople, startFivePeople } from '@/tests/kit/airtable/fivePeople'

const NOBODY = 'http://127.0.0.1:9/api/webhooks/airtable'
const DAY_MS = 86_400_000

describe('the webhooks of a base', () => {
  let server: AirtableServer
  let clock: { now: number }
  let api: WebhooksApi
  const baseId = 'appTest0000000001'

  beforeEach(async () => {
    clock = { now: 0 }
    server = await startFivePeople(clock)
    api = createWebhooksApi(await airtableClient(server))
  })
  afterEach(() => server.close())

  const create = () =>
    api.create(baseId, {
      notificationUrl: NOBODY,
      filters: { dataTypes: ['tableData', 'tableFields'], recordChangeScope: fivePeople.id },
    })
  const onlyOne = async () => (await api.list(baseId))[0]

  it('webhooks are created, listed and deleted', async () => {
    server.controls.set({ holdPings: true })
    const { id, macSecretBase64, expirationTime } = await create()
    expect(macSecretBase64).toMatch(/^[\w+/]{43}=$/)
    expect(await api.list(baseId)).toEqual([
      {
        id,
        isHookEnabled: true,
        areNotificationsEnabled: true,
        cursorForNextPayload: 1,
        expirationTime,
        notificationUrl: NOBODY,
        scope: fivePeople.id,
        lastNotification: null,
        lastSuccessfulNotificationTime: null,
      },
    ])
    expect(await api.delete(baseId, id)).toBeUndefined()
    expect(await api.list(baseId)).toEqual([])
  })

  it('a refresh extends the life of a webhook', async () => {
    const { id, expirationTime } = await create()
    clock.now += 5 * DAY_MS
    const until = await api.refresh(baseId, id)
    expect(Date.parse(String(until)) - Date.parse(String(expirationTime))).toBeGreaterThanOrEqual(5 * DAY_MS)
    expect((await onlyOne())?.expirationTime).toBe(until)
  })

  it('a webhook pings again after its notifications were switched on', async () => {
    const { id } = await create()
    server.controls.act({ do: 'disable-notifications' })
    expect((await onlyOne())?.areNotificationsEnabled).toBe(false)
    expect(await api.enableNotifications(baseId, id)).toBeUndefined()
    expect((await onlyOne())?.areNotificationsEnabled).toBe(true)
  })

  it('a webhook reports the result of its last ping', async () => {
    await create()
    await expect
      .poll(async () => (await onlyOne())?.lastNotification)
      .toEqual({ success: false, message: 'fetch failed', willBeRetried: true })
  })

  it('payloads come 50 a page', async () => {
    const { id } = await create()
    for (let age = 1; age <= 60; age += 1) await edit(server, 1, { Edad: age })
    const first = await api.payloads(baseId, id)
    expect([first.payloads.length, first.cursor, first.mightHaveMore]).toEqual([50, 51, true])
    expect(first.payloads[0]).toMatchObject({ payloadFormat: 'v0', changedTablesById: {} })
    const second = await api.payloads(baseId, id, first.cursor)
    expect([second.payloads.length, second.cursor, second.mightHaveMore]).toEqual([10, 61, false])
  })

  it.each([
    ['AIRTABLE_WEBHOOK_UNKNOWN', 'payloads', ['achNobody00000001', baseId], 'airtable:webhook -- create'],
    ['AIRTABLE_WEBHOOK_UNKNOWN', 'refresh', ['achNobody00000001', baseId], 'dead for a week'],
    ['AIRTABLE_FORBIDDEN', 'list', ['appNothing0000001'], 'creator of the base'],
  ] as const)('%s when they are not there: %s', async (code, call, [first, second], mend) => {
    const asked = second === undefined ? api[call](first, '') : api[call](second, first)
    await expect(asked).rejects.toMatchObject({
      code,
      message: expect.stringContaining(second === undefined ? `base ${first}` : `${first} of base ${second}`),
      hint: expect.stringContaining(mend),
    })
  })

  it('a base has at most ten webhooks', async () => {
    for (let count = 1; count <= 10; count += 1) await create()
    await expect(create()).rejects.toMatchObject({
      code: 'AIRTABLE_WEBHOOKS_FULL',
      message: expect.stringContaining(baseId),
      hint: expect.stringContaining('delete <id>'),
    })
  })

  it('an error of the webhooks API quotes Airtable', async () => {
    const filters = { dataTypes: ['tableData'], recordChangeScope: 'People' } as const
    await expect(api.create(baseId, { notificationUrl: NOBODY, filters })).rejects.toMatchObject({
      code: 'AIRTABLE_REFUSED',
      message: expect.stringMatching(
        /the webhooks of base appTest0000000001: HTTP 422, .*there is no People/,
      ),
    })
  })

  it('webhook requests have the rate limit and deadline of reads, and errors name the webhook', async () => {
    const { id } = await create()
    await server.faults.set({ kind: 'rate-limit', times: 1 })
    await expect(api.payloads(baseId, id)).rejects.toMatchObject({
      code: 'AIRTABLE_RATE_LIMITED',
      message: expect.stringContaining(`webhook ${id} of base ${baseId}`),
      retryAfter: 30,
    })
    // Nothing more is asked of the base for 30 s.
    await expect(api.list(baseId)).rejects.toMatchObject({ code: 'AIRTABLE_RATE_LIMITED' })
    const unaware = createWebhooksApi(await airtableClient(server))
    await server.faults.set({ kind: 'billing', times: 1 })
    await expect(unaware.list(baseId)).rejects.toMatchObject({ code: 'AIRTABLE_QUOTA_EXHAUSTED' })
    await server.faults.set({ kind: 'hang', times: 1 })
    const hasty = createWebhooksApi(await airtableClient({ ...server, pageTimeoutMs: 50 }))
    await expect(hasty.list(baseId)).rejects.toMatchObject({ code: 'AIRTABLE_TIMEOUT' })
  })

  it('webhooks are listed again after a server error, but created and deleted only once', async () => {
    const { id } = await create()
    await server.faults.set({ kind: 'error', times: 2 })
    expect(await api.list(baseId)).toHaveLength(1)
    for (const call of [create, () => api.delete(baseId, id)]) {
      const before = server.counters.requests
      await server.faults.set({ kind: 'lost-reply', times: 1 })
      await expect(call()).rejects.toMatchObject({ code: 'AIRTABLE_UNAVAILABLE' })
      expect(server.counters.requests).toBe(before + 1)
    }
  })
})

describe('what is not an answer of Airtable', () => {
  const server = setupServer()
  beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
  afterAll(() => server.close())

  const webhook = {
    id: 'ach1',
    isHookEnabled: true,
    areNotificationsEnabled: true,
    cursorForNextPayload: 7,
  }
  async function asked(answer: unknown) {
    server.resetHandlers(http.all('http://airtable.test/*', () => HttpResponse.json(answer as object)))
    return createWebhooksApi(await airtableClient({ url: 'http://airtable.test', apiKey: 'pat' }))
  }
  const badReply = { code: 'AIRTABLE_BAD_REPLY', message: expect.stringContaining('of base app1') }

  it.each([
    {},
    { webhooks: {} },
    { webhooks: [null] },
    { webhooks: [{ ...webhook, id: 7 }] },
    { webhooks: [{ ...webhook, isHookEnabled: 'yes' }] },
    { webhooks: [{ ...webhook, cursorForNextPayload: 0 }] },
  ])('is refused as a list of webhooks: %j', async (answer) => {
    await expect((await asked(answer)).list('app1')).rejects.toMatchObject(badReply)
  })

  it.each([{}, { id: 'ach1' }, { id: 'ach1', macSecretBase64: '' }])(
    'an answer without id and secret is no new webhook: %j',
    async (answer) => {
      const request = { notificationUrl: NOBODY, filters: { dataTypes: ['tableData'] as const } }
      await expect((await asked(answer)).create('app1', request)).rejects.toMatchObject(badReply)
    },
  )

  it.each([
    {},
    { payloads: [], cursor: 1 },
    { payloads: [], cursor: '1', mightHaveMore: false },
    { payloads: [], mightHaveMore: false },
    { payloads: [7], cursor: 2, mightHaveMore: false },
    { payloads: {}, cursor: 2, mightHaveMore: false },
  ])('is refused as payloads: %j', async (answer) => {
    await expect((await asked(answer)).payloads('app1', 'ach1')).rejects.toMatchObject(badReply)
  })

  it('an answer may have unknown keys and lack optional ones', async () => {
    const told = await (await asked({ webhooks: [{ ...webhook, colour: 'red' }], next: 1 })).list('app1')
    expect(told).toEqual([
      {
        ...webhook,
        expirationTime: null,
        notificationUrl: null,
        scope: null,
        lastNotification: null,
        lastSuccessfulNotificationTime: null,
      },
    ])
    const payload = { payloadFormat: 'v1', weather: { sun: true } }
    const page = { payloads: [payload], cursor: 2, mightHaveMore: false }
    expect(await (await asked({ ...page, more: true })).payloads('app1', 'ach1')).toEqual(page)
  })
})

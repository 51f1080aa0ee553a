import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { contentMac } from '@/local/airtable/webhooks/pings'
import {
  askHooks,
  createHook,
  edit,
  listHooks,
  listPayloads,
  startPingReceiver,
} from '@/tests/kit/airtable/airtableHooks'
import { startFivePeople } from '@/tests/kit/airtable/fivePeople'
import { type Deferred, deferred } from '@/tests/kit/clock/deferred'

let server: AirtableServer
let receiver: Awaited<ReturnType<typeof startPingReceiver>>
/** What the server has waited for before it sent a ping again, in ms. */
let waited: number[]
/** Keeps the server waiting, as long as there is one. */
let patience: Deferred<void> | undefined

beforeEach(async () => {
  waited = []
  patience = undefined
  receiver = await startPingReceiver()
  const wait = async (ms: number): Promise<void> => {
    waited.push(ms)
    await patience?.promise
  }
  server = await startFivePeople({ now: 0 }, { wait })
})
afterEach(async () => {
  patience?.resolve()
  await server.close()
  await receiver.close()
})

/** Waits for what pings bring about, however busy the machine is. */
const soon = <T>(read: () => T) => expect.poll(read)
const arrived = (count: number) => soon(() => receiver.pings.length).toBe(count)
const lastResult = async () => (await listHooks(server))[0]?.lastNotificationResult

/** A webhook whose first ping, the one that it is welcomed with, has come and been answered. */
async function createPingedHook() {
  const hook = await createHook(server, { notificationUrl: receiver.url })
  await soon(lastResult).toMatchObject({ success: true })
  receiver.pings.length = 0
  return hook
}

describe('the MAC of a ping', () => {
  // From the tests of pyairtable, a client in another language.
  it('the MAC is that of an independent client for the same secret and bytes', () => {
    const body =
      '{"base": {"id": "app00000000000000"}, "webhook": {"id": "ach00000000000000"}, "timestamp": "2022-02-01T21:25:05.663Z"}'
    expect(contentMac('c2VjcmV0LWtleQ==', body)).toBe(
      'hmac-sha256=e26da696a90933647bddc83995c3e1e3bb1c3d8ce1ff61cb7469767d50b2b2d4',
    )
  })

  it('every ping carries the MAC of the exact bytes of its body', async () => {
    const hook = await createHook(server, { notificationUrl: receiver.url })
    await arrived(1)
    const { body = '', mac } = receiver.pings[0] ?? {}
    expect(mac).toBe(contentMac(hook.macSecretBase64, body))
    expect(JSON.parse(body)).toEqual({
      base: { id: server.baseId },
      webhook: { id: hook.id },
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
  })
})

describe('a ping', () => {
  it('a ping comes after creation and after each change, and shows in the list', async () => {
    await createPingedHook()
    await edit(server, 1, { Edad: 31 })
    await arrived(1)
    await soon(lastResult).toEqual({
      success: true,
      completionTimestamp: expect.any(String),
      durationMs: expect.any(Number),
      retryNumber: 0,
    })
    expect((await listHooks(server))[0]?.lastSuccessfulNotificationTime).toEqual(expect.any(String))
  })

  it('no ping comes for changes that the webhook does not watch', async () => {
    await createHook(server, { notificationUrl: receiver.url, filters: { changeTypes: ['add'] } })
    await arrived(1)
    await edit(server, 1, { Edad: 31 })
    server.controls.act({ do: 'ping' })
    await arrived(2)
  })

  it('one more ping announces all changes while one is running', async () => {
    const { id } = await createPingedHook()
    receiver.status = undefined
    await edit(server, 1, { Edad: 31 })
    await arrived(1)
    for (const age of [32, 33, 34]) await edit(server, 1, { Edad: age })
    receiver.status = 200
    receiver.pings[0]?.answer(200)
    await arrived(2)
    expect((await listPayloads(server, id)).payloads).toHaveLength(4)
    await edit(server, 1, { Edad: 35 })
    await arrived(3)
  })
})

describe('a ping that fails', () => {
  it('a failing ping is sent 13 more times, each wait twice as long, and then notifications are off', async () => {
    const { id } = await createPingedHook()
    receiver.status = 500
    await edit(server, 1, { Edad: 31 })
    await arrived(14)
    expect(waited).toEqual(Array.from({ length: 13 }, (_, retry) => 10_000 * 2 ** retry))
    await soon(lastResult).toMatchObject({
      success: false,
      error: { message: 'The answer was 500' },
      retryNumber: 13,
      willBeRetried: false,
    })
    await edit(server, 1, { Edad: 32 })
    expect((await listHooks(server))[0]).toMatchObject({
      areNotificationsEnabled: false,
      isHookEnabled: true,
    })
    expect((await listPayloads(server, id)).payloads).toHaveLength(2)
    expect(receiver.pings).toHaveLength(14)
  })

  it('a retried ping announces the changes since', async () => {
    await createPingedHook()
    patience = deferred()
    receiver.status = 503
    await edit(server, 1, { Edad: 31 })
    await soon(lastResult).toMatchObject({ success: false, retryNumber: 0, willBeRetried: true })
    await edit(server, 1, { Edad: 32 })
    receiver.status = 204
    patience.resolve()
    await soon(lastResult).toMatchObject({ success: true, retryNumber: 1 })
    expect(receiver.pings).toHaveLength(2)
  })

  it('a ping fails without an answer in time, or with a status other than 200 and 204', async () => {
    await createPingedHook()
    patience = deferred()
    server.controls.set({ pingTimeoutMs: 20 })
    receiver.status = undefined
    await edit(server, 1, { Edad: 31 })
    const message = expect.stringContaining('timeout')
    await soon(lastResult).toMatchObject({ success: false, error: { message } })
    server.controls.set({ pingTimeoutMs: 25_000 })
    receiver.status = 302
    patience.resolve()
    await soon(lastResult).toMatchObject({ error: { message: 'The answer was 302' } })
  })
})

describe('notifications', () => {
  const enable = (id: string, on: boolean) =>
    askHooks(server, `/${id}/enableNotifications`, { method: 'POST', body: { enable: on } })

  it('notifications are switched off and on by request, and come again only with the next change', async () => {
    const { id } = await createPingedHook()
    const off = await enable(id, false)
    expect([off.status, await off.text()]).toEqual([200, ''])
    await edit(server, 1, { Edad: 31 })
    await enable(id, true)
    expect((await listHooks(server))[0]).toMatchObject({ areNotificationsEnabled: true })
    expect(receiver.pings).toHaveLength(0)
    await edit(server, 1, { Edad: 32 })
    await arrived(1)
    expect((await listPayloads(server, id)).payloads).toHaveLength(2)
  })

  it('an action can switch notifications off', async () => {
    const { id } = await createPingedHook()
    server.controls.act({ do: 'disable-notifications' })
    await edit(server, 1, { Edad: 31 })
    expect((await listHooks(server))[0]).toMatchObject({ areNotificationsEnabled: false })
    expect([receiver.pings.length, (await listPayloads(server, id)).payloads.length]).toEqual([0, 1])
  })

  it('a webhook that is deleted while its ping waits gets no further ping', async () => {
    const { id } = await createPingedHook()
    patience = deferred()
    receiver.status = 500
    await edit(server, 1, { Edad: 31 })
    await soon(() => waited).toEqual([10_000])
    await askHooks(server, `/${id}`, { method: 'DELETE' })
    const other = await createHook(server, { notificationUrl: receiver.url })
    patience.resolve()
    await arrived(15)
    const ids = receiver.pings.map(({ body }) => (JSON.parse(body) as { webhook: { id: string } }).webhook.id)
    expect(ids.filter((pinged) => pinged === id)).toHaveLength(1)
    expect(ids.at(-1)).toBe(other.id)
  })
})

describe('pings on demand', () => {
  it('pings can come twice', async () => {
    await createPingedHook()
    server.controls.set({ pingCopies: 2 })
    await edit(server, 1, { Edad: 31 })
    await arrived(2)
  })

  it('a given number of pings can be lost', async () => {
    const { id } = await createPingedHook()
    server.controls.set({ losePings: 1 })
    await edit(server, 1, { Edad: 31 })
    await soon(() => server.controls.settings.losePings).toBe(0)
    await edit(server, 1, { Edad: 32 })
    await arrived(1)
    expect((await listPayloads(server, id)).payloads).toHaveLength(2)
  })

  it('a ping can come without a change', async () => {
    const { id } = await createPingedHook()
    server.controls.act({ do: 'ping', webhook: id })
    await arrived(1)
    expect((await listPayloads(server, id)).payloads).toEqual([])
  })

  it('held pings end in one that announces everything', async () => {
    const { id } = await createPingedHook()
    server.controls.set({ holdPings: true })
    for (const age of [31, 32, 33]) await edit(server, 1, { Edad: age })
    expect((await listPayloads(server, id)).payloads).toHaveLength(3)
    expect(receiver.pings).toHaveLength(0)
    server.controls.set({ holdPings: false })
    await arrived(1)
    server.controls.act({ do: 'ping' })
    await arrived(2)
  })
})

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hookStore } from '@/lib/core-services/airtable/changelog/webhookStore'
import { type Maintenance, maintainWebhooks } from '@/lib/core-services/airtable/webhooks/maintainWebhooks'
import type { WebhookSync } from '@/lib/core-services/airtable/webhooks/pingQueue'
import { readWebhookReport } from '@/lib/core-services/airtable/webhooks/webhookReport'
import { createWebhooksApi } from '@/lib/core-services/airtable/webhooksApi'
import { refreshDueFields } from '@/lib/core-services/cache/operations/scheduledRefresh'
import { systemClock } from '@/lib/shared/clock'
import type { AirtableServer } from '@/local/airtable/server'
import { airtableClient } from '../../kit/airtable/airtableClient'
import { toReader } from '../../kit/airtable/airtableFields'
import { askHooks, createHook, edit, listHooks } from '../../kit/airtable/airtableHooks'
import { fivePeople, startFivePeople } from '../../kit/airtable/fivePeople'
import { askAirtable } from '../../kit/airtable/testAirtable'
import { processForEachTest } from '../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const DAY_MS = 86_400_000
const baseId = 'appTest0000000001'
const redis = redisForThisFile()
const server = processForEachTest(redis)
/** How far the time of the Airtable server, and ours with it, has gone on, in ms. */
let time: { now: number }
let airtable: AirtableServer
let secrets: Map<string, Buffer>
/** The payloads that each drain has read. */
let drained: { webhook: string; cause: string; payloads: number }[]

async function deleteHook(): Promise<void> {
  const [id] = secrets.keys()
  await askHooks(airtable, `/${id}`, { method: 'DELETE' })
}

/** Reads the first of the five people. */
async function source() {
  const { body } = await askAirtable(airtable, 'People/rec00000000000001')
  return (body as { fields: { Edad: number } }).fields.Edad
}
const people = toReader({ baseId, tableId: fivePeople.id }, 'people', source, 100_000)
const copies = toReader({ baseId, tableId: 'tblCopy0000000001' }, 'copies', async () => 'copies')
const elsewhere = toReader(
  { baseId: 'appElsewhere00001', tableId: fivePeople.id },
  'elsewhere',
  async () => 1,
)

beforeEach(async () => {
  time = { now: 0 }
  airtable = await startFivePeople(time)
  secrets = new Map()
  drained = []
  const clock = { ...systemClock, now: () => Date.now() + time.now }
  server.runtime.ports = { ...server.runtime.ports, clock }
})
afterEach(() => airtable.close())

/** A webhook of ours, which watches a table unless it is told otherwise. */
async function ourHook(scope: string | null = fivePeople.id) {
  airtable.controls.set({ holdPings: true })
  const filters = scope === null ? {} : { recordChangeScope: scope }
  const { id } = await createHook(airtable, { notificationUrl: 'http://127.0.0.1:9/', filters })
  secrets.set(id, Buffer.from('secret-key'))
  return id
}

async function cron(fields = [people, copies], overrides: Partial<Maintenance> = {}) {
  const { runtime } = server
  const client = await airtableClient(airtable)
  const api = async () => createWebhooksApi(client)
  const store = hookStore(runtime, () => secrets.keys())
  const sync: WebhookSync = async ({ webhookId }, cause) => {
    const { payloads } = await (await api()).payloads(baseId, webhookId)
    drained.push({ webhook: webhookId, cause, payloads: payloads.length })
    return {}
  }
  const maintain = (remainingMs: () => number) =>
    maintainWebhooks({ fields, secrets, api, sync, store, runtime, remainingMs, ...overrides })
  airtable.resetCounters()
  return refreshDueFields(fields, { budgetMs: 60_000, enabled: true, maintain }, runtime)
}

const read = async () => (await server.read(people)).data
const dead = () => server.events.of('webhook.dead')

describe('a webhook that lives', () => {
  it('the cron syncs changes that no ping has announced', async () => {
    const id = await ourHook()
    await read()
    await edit(airtable, 1, { Edad: 31 })
    const { webhooks, fields } = await cron()
    expect(webhooks).toEqual([{ webhook: id, base: baseId, outcome: 'alive', drained: true }])
    expect(fields).toMatchObject([{ outcome: 'fresh' }, { outcome: 'skipped' }])
    expect(drained).toEqual([{ webhook: id, cause: 'cron', payloads: 1 }])
    expect(server.events.of('cron.finished')).toMatchObject([{ webhooks }])
  })

  it('the cron reports webhooks to the health route and the admin page', async () => {
    const id = await ourHook()
    vi.stubEnv('AIRTABLE_WEBHOOK_SECRETS', `${id}:c2VjcmV0LWtleQ==`)
    expect(await readWebhookReport(server.runtime)).toEqual({ configured: 1, at: null, webhooks: [] })
    const { webhooks } = await cron()
    expect(await readWebhookReport(server.runtime)).toEqual({
      configured: 1,
      at: expect.any(Number),
      webhooks,
    })
  })

  it('a webhook without changes costs two requests', async () => {
    await ourHook()
    await read()
    // The first one reads what does not tell how far its log was read.
    await cron()
    await cron()
    expect(airtable.counters.byKind).toEqual({ listWebhooks: 1, listPayloads: 1 })
  })

  it('the cron records what a webhook watches and where its log ends', async () => {
    const store = hookStore(server.runtime, () => secrets.keys())
    const ids = [await ourHook(), await ourHook(null)]
    for (const age of [31, 32]) await edit(airtable, 1, { Edad: age })
    await cron()
    expect(await store.read(baseId)).toMatchObject([
      { id: ids[0], baseId, scope: fivePeople.id, cursor: 3 },
      { id: ids[1], baseId, scope: null, cursor: 3 },
    ])
    expect(await store.read('appElsewhere00001')).toEqual([])
  })

  it('the cron extends the life of a webhook before it ends', async () => {
    const id = await ourHook()
    time.now += 5 * DAY_MS
    expect((await cron()).webhooks).toMatchObject([{ webhook: id, outcome: 'extended', drained: true }])
    expect(airtable.counters.byKind.refreshWebhook).toBe(1)
    const [hook] = await listHooks(airtable)
    expect(Date.parse(String(hook?.expirationTime))).toBeGreaterThan(Date.now() + 11.9 * DAY_MS)
    expect((await cron()).webhooks).toMatchObject([{ outcome: 'alive' }])
    expect(airtable.counters.byKind.refreshWebhook).toBeUndefined()
  })

  it('reading its changes extends the life of a webhook when the key may not refresh it', async () => {
    await ourHook()
    time.now += 5 * DAY_MS
    await airtable.faults.set({ kind: 'forbidden', match: '/refresh' })
    expect((await cron()).webhooks).toMatchObject([{ outcome: 'extended', drained: true }])
  })

  it('the cron switches the pings of a webhook on again', async () => {
    const id = await ourHook()
    airtable.controls.act({ do: 'disable-notifications' })
    expect((await cron()).webhooks).toMatchObject([{ webhook: id, outcome: 're-enabled', drained: true }])
    expect(await listHooks(airtable)).toMatchObject([{ areNotificationsEnabled: true }])
  })

  it('a webhook whose changes cannot be read is reported as failed, with a hint', async () => {
    const id = await ourHook()
    await airtable.faults.set({ kind: 'rate-limit', match: '/payloads' })
    expect((await cron()).webhooks).toEqual([
      {
        webhook: id,
        base: baseId,
        outcome: 'failed',
        drained: false,
        code: 'AIRTABLE_RATE_LIMITED',
        hint: expect.stringContaining('5 requests a second'),
      },
    ])
  })

  it('a webhook is not synced when no time is left', async () => {
    await ourHook()
    expect((await cron([people], { remainingMs: () => 0 })).webhooks).toMatchObject([
      { outcome: 'alive', drained: false },
    ])
  })
})

describe('a webhook that is dead', () => {
  it.each([
    ['expired', () => airtable.controls.act({ do: 'expire' })],
    ['disabled', () => airtable.controls.act({ do: 'invalidate', code: 'INVALID_HOOK' })],
    ['gone', deleteHook],
  ] as const)('(%s) is told once a run, and what it watched is fetched in full', async (why, kill) => {
    const id = await ourHook()
    expect(await read()).toBe(30)
    await cron()
    await kill()
    await edit(airtable, 1, { Edad: 31 })
    for (const run of [1, 2]) {
      const { webhooks, fields } = await cron()
      expect(webhooks).toEqual([
        {
          webhook: id,
          base: baseId,
          outcome: 'dead',
          drained: false,
          hint: expect.stringContaining('-- create'),
        },
      ])
      expect(fields).toMatchObject([{ name: 'people', outcome: 'refreshed' }, { outcome: 'skipped' }])
      expect(dead()).toHaveLength(run)
      expect(dead()[0]).toMatchObject({ webhook: id, base: baseId, why })
    }
    expect(await read()).toBe(31)
  })

  it('a dead webhook that is unknown counts as one that watched everything', async () => {
    secrets.set('achNobody00000001', Buffer.from('secret-key'))
    const { webhooks, fields } = await cron()
    expect(webhooks).toMatchObject([{ webhook: 'achNobody00000001', base: null, outcome: 'dead' }])
    expect(fields).toMatchObject([{ outcome: 'refreshed' }, { outcome: 'refreshed' }])
  })

  it('a dead webhook of a base or a view makes the fields of all tables due', async () => {
    for (const scope of [null, 'viwActive00000001']) await ourHook(scope)
    airtable.controls.act({ do: 'expire' })
    expect((await cron()).fields).toMatchObject([{ outcome: 'refreshed' }, { outcome: 'refreshed' }])
  })
})

describe('webhooks that cannot be listed', () => {
  it('webhooks that cannot be listed are synced if they are recorded', async () => {
    const id = await ourHook()
    await cron()
    await airtable.faults.set({ kind: 'forbidden', match: '/webhooks $' })
    const { webhooks } = await cron()
    expect(webhooks).toMatchObject([
      { webhook: id, outcome: 'failed', drained: true, code: 'AIRTABLE_FORBIDDEN' },
    ])
    expect(drained).toHaveLength(2)
  })

  it('webhooks are not called dead because another base cannot be listed', async () => {
    secrets.set('achNobody00000001', Buffer.from('secret-key'))
    const { webhooks } = await cron([people, elsewhere])
    expect(webhooks).toMatchObject([{ base: null, outcome: 'failed', code: 'AIRTABLE_FORBIDDEN' }])
    expect(dead()).toEqual([])
  })
})

it('a run that refreshes no fields still maintains webhooks', async () => {
  const maintain = vi.fn(async () => ({ webhooks: [], due: new Set(['people']) }))
  const run = await refreshDueFields([people], { budgetMs: 60_000, enabled: false, maintain }, server.runtime)
  expect(maintain).toHaveBeenCalledTimes(1)
  expect(run.fields).toMatchObject([{ outcome: 'skipped', reason: 'warmup-disabled' }])
})

it('a run without Redis fails as a whole', async () => {
  await ourHook()
  await redis.killEngine()
  await expect(cron()).rejects.toMatchObject({ code: expect.stringMatching(/^REDIS_/) })
  await redis.reviveEngine()
})

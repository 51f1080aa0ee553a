/** What a first look has read can be too old, so a second one follows: whatever comes between, it is not forgotten. */
import { beforeEach, describe, expect, test } from 'vitest'
import { type AirtableField, airtableList } from '@/lib/core-services/airtable/airtableField'
import { DELTA_LIMITS } from '@/lib/core-services/airtable/changelog/syncLimits'
import { changeTag } from '@/lib/core-services/airtable/records/table'
import {
  announcePing,
  drainPingQueue,
  type WebhookSync,
} from '@/lib/core-services/airtable/webhooks/pingQueue'
import { isAbandoned, openRecheckQueue } from '@/lib/core-services/airtable/webhooks/recheckQueue'
import { watchRechecks } from '@/lib/core-services/airtable/webhooks/recheckWatch'
import { createWebhookSync } from '@/lib/core-services/airtable/webhooks/webhookSync'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { createPiggybackReads } from '@/lib/core-services/cache/fields/store/piggybackReads'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { fieldRuntime } from '@/lib/core-services/cache/processContext'
import type { Clock } from '@/lib/shared/clock'
import { codedError } from '@/lib/shared/errors'
import { setProcessState } from '@/lib/shared/processState'
import type { TableData } from '@/local/airtable/tables/table'
import { BASE, changesAppForThisFile } from '../../kit/airtable/changesApp'
import { person } from '../../kit/airtable/fivePeople'
import { refetched } from '../../kit/airtable/refetched'
import { askAirtable } from '../../kit/airtable/testAirtable'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const TABLE: TableData = {
  id: 'tblPeople00000001',
  name: 'People',
  fields: { Name: 'singleLineText', Team: 'singleLineText' },
  views: [{ id: 'viwIn000000000001', name: 'In', includes: ({ Team }) => Team !== 'out' }],
  records: Array.from({ length: 8 }, (_, index) => person(index + 1, { Name: `Name ${index}`, Team: 'in' })),
}
const redis = redisForThisFile()
const app = changesAppForThisFile(redis, [TABLE])
const people = airtableList({
  name: 'people',
  key: 'people',
  ttl: 'forever',
  memoryTtl: 0,
  table: { name: 'people', locate: () => ({ baseId: BASE, tableId: TABLE.id }) },
  view: 'viwIn000000000001',
  columns: ['Name'],
  item: ({ id, fields }) => ({ id, name: String(fields.Name) }),
  order: (one, other) => one.name.localeCompare(other.name),
}) as AirtableField<unknown>
const limits = { ...DELTA_LIMITS, smallView: 0, mostShare: 1 }
const drain = createWebhookSync([people], { limits })

/** Into the team: by that a record leaves or enters the view, which its payload does not tell. */
async function move(who: number, Team: string): Promise<void> {
  const { status } = await askAirtable(app.airtable, `People/${person(who, {}).id}`, {
    method: 'PATCH',
    body: { fields: { Team } },
  })
  expect(status).toBe(200)
  app.pass(10)
}

const newPing = () => ({ baseId: BASE, webhookId: app.hook, sentAt: fieldRuntime().ports.clock.now() })
async function ping(how: WebhookSync = drain): Promise<boolean> {
  const one = newPing()
  return (await announcePing(one, fieldRuntime())) && drainPingQueue(one, how, fieldRuntime())
}
const cached = async () => (await readFieldCache(people)).data
/** Of the webhook of this test: what the one before it has left to do may go on. */
const looks = () => {
  const drained = app.events.of('webhook.processed').filter(({ webhook }) => webhook === app.hook)
  return drained.map(({ cause }) => cause)
}
const looked = (...causes: string[]) => expect.poll(looks, { interval: 5 }).toEqual(causes)

beforeEach(async () => {
  setProcessState('piggybackReads', createPiggybackReads())
  await app.drain([people], 'ping')
  app.pass(5_000)
  await cached()
  app.pass(5_000)
  return async () => {
    for (const { id } of TABLE.records)
      await askAirtable(app.airtable, `People/${id}`, { method: 'PATCH', body: { fields: { Team: 'in' } } })
  }
})

test('a recheck runs although another ping comes during the first sync', async () => {
  let second: Promise<boolean> | undefined
  const meanwhile: WebhookSync = async (...given) => {
    const answer = await drain(...given)
    if (!second) {
      const one = newPing()
      await announcePing(one, fieldRuntime())
      second = drainPingQueue(one, drain, fieldRuntime())
    }
    return answer
  }
  await move(1, 'out')
  await ping(meanwhile)
  await second
  expect(looks().slice(0, 3)).toEqual(['ping', 'ping', 'recheck'])
  expect(await cached()).toEqual(await refetched(people))
})

test('a recheck that fails is repeated after a pause by a process that reads', async () => {
  watchRechecks([people], { limits })
  const failing: WebhookSync = (...given) => {
    if (given[1] === 'recheck') throw codedError('AIRTABLE_UNAVAILABLE', 'down', { retryAfter: 120 })
    return drain(...given)
  }
  await move(1, 'out')
  expect(await ping(failing)).toBe(false)
  expect(app.events.of('webhook.failed')).toMatchObject([{ code: 'AIRTABLE_UNAVAILABLE' }])
  const queue = await openRecheckQueue(newPing(), await fieldRuntime().sharedRecords()).read()
  const failedAt = fieldRuntime().ports.clock.now()
  expect([isAbandoned(queue, failedAt + 110_000), isAbandoned(queue, failedAt + 120_000)]).toEqual([
    false,
    true,
  ])
  app.pass(120_000)
  await cached()
  await looked('ping', 'recheck')
  expect(await cached()).toEqual(await refetched(people))
})

test('a sync that never gets the lock is taken over by a process that reads', async () => {
  const locks = await fieldRuntime().locks()
  const lock = await locks.acquire(`webhook:${app.hook}`, 120)
  await move(1, 'out')
  expect(await ping()).toBe(false)
  expect(looks()).toEqual([])
  await locks.release(lock)
  watchRechecks([people], { limits })
  app.pass(11_000)
  await cached()
  await looked('ping', 'recheck')
  expect(await cached()).toEqual(await refetched(people))
})

describe('an instance that has answered a ping and dies', () => {
  test('when an instance dies before its sync, the next process that reads any field takes over', async () => {
    await move(1, 'out')
    await announcePing(newPing(), fieldRuntime())
    watchRechecks([people], { limits })
    app.pass(9_000)
    await cached()
    expect(looks()).toEqual([])
    app.pass(2_000)
    const other = { name: 'other', key: 'other', ttl: 60, memoryTtl: 0, fetcher: async () => 1 }
    await readFieldCache(other)
    await looked('ping', 'recheck')
    expect(await cached()).toEqual(await refetched(people))
  })

  test('when an instance dies before its recheck, the next process that reads takes over', async () => {
    const { ports, ...rest } = fieldRuntime()
    const sleep: Clock['sleep'] = (milliseconds, signal) =>
      milliseconds > 1_000 ? new Promise(() => undefined) : ports.clock.sleep(milliseconds, signal)
    const mortal = { ...rest, ports: { ...ports, clock: { ...ports.clock, sleep } } }
    await move(1, 'out')
    const one = newPing()
    await announcePing(one, mortal)
    void drainPingQueue(one, drain, mortal)
    await looked('ping')
    watchRechecks([people], { limits })
    app.pass(15_000)
    await cached()
    await looked('ping', 'recheck')
    expect(await cached()).toEqual(await refetched(people))
  })
})

describe('what was read before it could be believed', () => {
  /** Whether reads show the table as it was before the edits of this test. */
  const lagging = (lags: boolean) => app.airtable.controls.set({ readLagMs: lags ? 10_000 : 0 })
  /** As one that does not know of the webhook reads it. */
  const unmarked: AirtableField<unknown> = {
    ...people,
    fetcher: (context) => people.airtable.read(context, null),
  }
  beforeEach(() => () => lagging(false))

  test('a value that was read too early is read again however late the recheck comes', async () => {
    await invalidateField(people)
    const { ports, ...rest } = fieldRuntime()
    const sleep: Clock['sleep'] = (milliseconds, signal) =>
      milliseconds > 1_000 ? new Promise(() => undefined) : ports.clock.sleep(milliseconds, signal)
    const mortal = { ...rest, ports: { ...ports, clock: { ...ports.clock, sleep } } }
    lagging(true)
    await move(1, 'out')
    const one = newPing()
    await announcePing(one, mortal)
    void drainPingQueue(one, drain, mortal)
    await looked('ping')
    const early = await cached()
    lagging(false)
    app.pass(60_000)
    watchRechecks([people], { limits })
    await cached()
    // Its record is absent for the first time then, and for the second time two seconds later.
    await looked('ping', 'recheck', 'recheck')
    expect(await cached()).not.toEqual(early)
    expect(await cached()).toEqual(await refetched(people))
  })

  test('a value without a mark that was read too early is read again', async () => {
    await invalidateField(people)
    lagging(true)
    await move(1, 'out')
    expect(await app.drain([people], 'ping', limits)).toBe(2_100)
    const early = await readFieldCache(unmarked)
    lagging(false)
    app.pass(2_100)
    await app.drain([people], 'recheck', limits)
    expect(await cached()).not.toEqual(early.data)
    expect(await cached()).toEqual(await refetched(people))
  })

  test('derived values are invalidated once more when a force has replaced a value that was read too early', async () => {
    const derived = {
      name: 'derived',
      key: 'derived',
      ttl: 3_600,
      memoryTtl: 0,
      tags: [changeTag(people.airtable.table)],
      fetcher: cached,
    }
    lagging(true)
    await move(1, 'out')
    expect(await app.drain([people], 'ping', limits)).toBe(2_100)
    const early = await readFieldCache(derived)
    lagging(false)
    app.pass(2_100)
    await readFieldCache(people, 'always')
    await app.drain([people], 'recheck', limits)
    expect((await readFieldCache(derived)).data).not.toEqual(early.data)
    expect((await readFieldCache(derived)).data).toEqual(await refetched(people))
  })
})

test('the queue travels along with a read that is sent anyway: one command, and at most 400 bytes for a copy', async () => {
  watchRechecks([people], { limits })
  const warm = { ...people, memoryTtl: 60 }
  await move(1, 'out')
  await ping()
  await readFieldCache(warm)
  app.pass(61_000)
  redis.upstash.resetCounters()
  expect((await readFieldCache(warm)).status).toBe('hit')
  expect(redis.upstash.counters.byCommand).toEqual({ MGET: 1 })
  expect(redis.upstash.counters.bytesOut).toBeLessThanOrEqual(400)
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AirtableField } from '@/lib/core-services/airtable/airtableField'
import { airtableList } from '@/lib/core-services/airtable/airtableField'
import type { AirtableService } from '@/lib/core-services/airtable/airtableService'
import { decodeMark } from '@/lib/core-services/airtable/changelog/syncMark'
import type { LogPosition } from '@/lib/core-services/airtable/records/table'
import { decodeEntry, encodeEntry, unpackEntry } from '@/lib/core-services/cache/entry/entry'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { forceRefresh } from '@/lib/core-services/cache/fields/refresh/forceRefresh'
import { refreshDueFields } from '@/lib/core-services/cache/operations/scheduledRefresh'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import { type ManualClock, manualClock } from '@/lib/testing/clock'
import type { AirtableServer } from '@/local/airtable/server'
import { sendOnce } from '@/local/engine/sendOnce'
import { airtableClient } from '../../kit/airtable/airtableClient'
import { askAirtable, startTestAirtable, TEST_AIRTABLE } from '../../kit/airtable/testAirtable'
import { endCoolDowns } from '../../kit/fields/coolDowns'
import { type FieldProcess, startFieldProcess, storedEntry } from '../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const redis = redisForThisFile()
const PAGES = 12
/** A page takes so long, and a refresh has so much time, in ms: for five of them and what it takes to store them. */
const PAGE_MS = 400
const REFRESH_MS = 3_000
const IN_ONE_REFRESH = 5

let clock: ManualClock
let airtable: AirtableServer
let service: AirtableService
let here: FieldProcess
/** What was begun after answers. */
const background: Promise<void>[] = []
/** What Airtable takes for a page, in ms. */
let pageMs: number
/** Done before the nth request of a test. */
let onRequest: (nth: number) => Promise<unknown>

beforeEach(async () => {
  await redis.flush()
  clock = manualClock()
  airtable = await startTestAirtable({ clock: () => clock.monotonic(), tables: [largeTable()] })
  service = await startClient()
  vi.spyOn(serviceRegistry, 'getService').mockImplementation(async () => service as never)
  onRequest = async () => undefined
  pageMs = PAGE_MS
  const call = service.call.bind(service)
  const spy = vi.spyOn(service, 'call').mockImplementation(async (request, options) => {
    clock.advance(pageMs)
    await onRequest(spy.mock.calls.length)
    return (await call(request, options)) as never
  })
  here = await startProcess()
})
afterEach(() => airtable.close())

/** Makes the offset that is kept one that Airtable has never given. */
async function spoilOffset(): Promise<void> {
  const [name = ''] = (await sendOnce(redis.engine.url, ['KEYS', '*~progress:*'])) as string[]
  const entry = decodeEntry(String(await sendOnce(redis.engine.url, ['GET', name])))
  const unpacked = entry && (await unpackEntry(entry))
  if (!unpacked) throw new Error('nothing is kept')
  const body = JSON.stringify({ ...JSON.parse(unpacked.body), offset: 'itrNone' })
  await sendOnce(redis.engine.url, ['SET', name, await encodeEntry({ ...unpacked, body }, false)])
}

/** As of a process that has met no rate limit. */
const startClient = () => airtableClient({ url: airtable.url, apiKey: TEST_AIRTABLE.apiKey })

async function startProcess(): Promise<FieldProcess> {
  const started = await startFieldProcess(redis)
  const defer = (work: () => Promise<void>) => void background.push(work())
  started.runtime.ports = { ...started.runtime.ports, clock, defer }
  started.runtime.refreshTimeoutMs = REFRESH_MS
  return started
}

function largeTable() {
  const records = Array.from({ length: PAGES * 100 }, (_, index) => ({
    id: `rec${String(index).padStart(14, '0')}`,
    createdTime: '2025-01-03T00:00:00.000Z',
    fields: { Name: `Item ${index}`, Note: `Note ${index}` },
  }))
  return { id: TEST_AIRTABLE.tableId, name: 'Items', views: [], records }
}

interface Item {
  id: string
  name: unknown
}

function declareList(column = 'Name', rest: Partial<AirtableField<Item[]>> = {}): AirtableField<Item[]> {
  const declared = airtableList<Item>({
    name: 'items',
    key: 'items_list',
    ttl: 600,
    memoryTtl: 0,
    table: { name: 'items', locate: () => TEST_AIRTABLE },
    columns: [column],
    item: ({ id, fields }) => ({ id, name: fields[column] }),
    order: 'view',
  })
  return { ...declared, fetcher: (context) => declared.airtable.read(context, null), ...rest }
}

const read = (field: AirtableField<Item[]>, { runtime } = here) => readFieldCache(field, 'never', runtime)
const asked = () => airtable.counters.requests
const listNames = (items: readonly Item[]) => items.map(({ name }) => name)
const allNames = Array.from({ length: PAGES * 100 }, (_, index) => `Item ${index}`)

async function coolDownPasses(milliseconds = 1_000): Promise<void> {
  clock.advance(milliseconds)
  await endCoolDowns(redis)
}

async function stopped(attempt: Promise<unknown>, pages: number): Promise<void> {
  await expect(attempt).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED', done: `${pages} pages so far` })
  await coolDownPasses()
}

describe('a view that one refresh cannot read', () => {
  test('a large view is read in several refreshes, each page once, by any process', async () => {
    const field = declareList()

    await stopped(read(field), IN_ONE_REFRESH)
    await stopped(read(field, await startProcess()), 2 * IN_ONE_REFRESH)
    const { data, age, status } = await read(field, await startProcess())

    expect(status).toBe('miss')
    expect(listNames(data)).toEqual(allNames)
    expect(asked()).toBe(PAGES)
    expect(age).toBe(Math.floor((PAGES * PAGE_MS + 2 * 1_000) / 1_000))
    expect(await read(field)).toMatchObject({ status: 'hit', age })
  })

  test('the old list of a large view is served until all of the new one was read', async () => {
    const field = declareList('Name', { staleWhileRevalidate: 600 })
    await stopped(read(field), IN_ONE_REFRESH)
    await stopped(read(field), 2 * IN_ONE_REFRESH)
    await read(field)
    const path = `${TEST_AIRTABLE.tableId}/rec00000000000000`
    await askAirtable(airtable, path, { method: 'PATCH', body: { fields: { Name: 'Changed' } } })
    airtable.resetCounters()

    clock.advance(600_000)
    for (let part = 1; part <= 3; part += 1) {
      const { status, data } = await read(field)
      expect({ status, first: data[0]?.name, items: data.length }).toEqual({
        status: 'stale',
        first: 'Item 0',
        items: PAGES * 100,
      })
      await Promise.all(background.splice(0))
      await coolDownPasses()
    }

    expect(await read(field)).toMatchObject({ status: 'hit' })
    expect((await read(field)).data[0]).toMatchObject({ name: 'Changed' })
    expect(asked()).toBe(PAGES)
  })

  test('the cron alone reads a large view, in as many runs as it takes', async () => {
    const field = declareList('Name', { refreshEvery: 300 })
    // For two refreshes, not three.
    const options = { enabled: true, budgetMs: 6_500 }
    const run = async () =>
      (await refreshDueFields([field as AirtableField<unknown>], options, here.runtime)).fields

    expect(await run()).toEqual([{ name: 'items', outcome: 'unfinished', done: '10 pages so far' }])
    expect(await run()).toMatchObject([{ outcome: 'refreshed' }])

    expect(asked()).toBe(PAGES)
    expect(listNames((await read(field)).data)).toEqual(allNames)
  })

  test('a large read starts over when Airtable has lost the list, and counts from there', async () => {
    const field = declareList()

    await stopped(read(field), IN_ONE_REFRESH)
    clock.advance(301_000)
    // One request finds it forgotten.
    await stopped(read(field), IN_ONE_REFRESH - 1)
    await stopped(read(field), 2 * IN_ONE_REFRESH - 1)
    const { data, age } = await read(field)

    expect(listNames(data)).toEqual(allNames)
    expect(asked()).toBe(IN_ONE_REFRESH + 1 + PAGES)
    expect(age).toBeLessThan(10)
  })

  test('a large read starts over when Airtable refuses its offset for another reason', async () => {
    const field = declareList()
    await stopped(read(field), IN_ONE_REFRESH)
    await spoilOffset()

    await stopped(read(field), IN_ONE_REFRESH - 1)

    expect(airtable.counters.byStatus).toMatchObject({ 422: 1 })
  })

  test('a large read goes on from its last stored page when a process dies', async () => {
    const field = declareList()
    await stopped(read(field), IN_ONE_REFRESH)
    const dying = await startProcess()
    let reached = 0
    onRequest = async (nth) => {
      reached = nth
      return nth === IN_ONE_REFRESH + 3 ? new Promise(() => undefined) : undefined
    }
    void read(field, dying).catch(() => undefined)
    await expect.poll(() => reached).toBe(IN_ONE_REFRESH + 3)
    await coolDownPasses(REFRESH_MS)

    await stopped(read(field), 2 * IN_ONE_REFRESH)
    expect(listNames((await read(field)).data)).toEqual(allNames)
  })

  test('a release with other columns reads a large view from its first page', async () => {
    await stopped(read(declareList('Name')), IN_ONE_REFRESH)
    const other = declareList('Note')
    await stopped(read(other), IN_ONE_REFRESH)
    await stopped(read(other), 2 * IN_ONE_REFRESH)

    expect((await read(other)).data[0]).toMatchObject({ name: 'Note 0' })
  })
})

describe('when a page fails', () => {
  test('after a passing error of a page the pages before it are kept, and the caller gets the error', async () => {
    const field = declareList()
    await stopped(read(field), IN_ONE_REFRESH)
    onRequest = async (nth) =>
      nth === IN_ONE_REFRESH + 3 && airtable.faults.set({ kind: 'rate-limit', times: 1 })

    await expect(read(field)).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      cause: { code: 'AIRTABLE_RATE_LIMITED' },
      retryAfter: 30,
    })
    await coolDownPasses(30_000)
    service = await startClient()
    expect(listNames((await read(field)).data)).toEqual(allNames)

    expect(asked()).toBe(PAGES + 1)
  })

  test('after a lasting error of a page nothing is kept', async () => {
    const field = declareList()
    await airtable.faults.set({ kind: 'billing', times: 1 })
    await expect(read(field)).rejects.toMatchObject({ cause: { code: 'AIRTABLE_QUOTA_EXHAUSTED' } })

    expect(here.events.of('refresh.paused')).toEqual([])
  })

  test('a refresh whose next page never arrives stops early enough to keep the pages before it', async () => {
    const field = declareList()
    onRequest = async (nth) => nth === 3 && airtable.faults.set({ kind: 'stall', times: 1 })
    pageMs = 10
    here.runtime.refreshTimeoutMs = 500

    await stopped(read(field), 2)
  })
})

describe('the mark of a view that was read in parts', () => {
  const first: LogPosition = { hook: 'ach00000000000001', cursor: 7 }
  const later: LogPosition = { hook: 'ach00000000000001', cursor: 9 }

  const markedBy = async (positions: (LogPosition | null)[], reason: 'cron' | 'change') => {
    const field = declareList()
    const fetcher = async (context: Parameters<typeof field.fetcher>[0]) =>
      field.airtable.read(context, positions.shift() ?? null)
    const began = clock.now()
    for (const pages of [IN_ONE_REFRESH, 2 * IN_ONE_REFRESH]) {
      await stopped(forceRefresh(here.runtime, { ...field, fetcher }, reason), pages)
    }
    await forceRefresh(here.runtime, { ...field, fetcher }, reason)
    const entry = await storedEntry(here.runtime, field.key)
    return { mark: decodeMark(entry?.note), began }
  }

  test('the mark of a large view says from where its first part may lack changes, and when it was read', async () => {
    const { mark, began } = await markedBy([first, later, later], 'cron')

    expect(mark).toMatchObject({ ...first, at: began, records: PAGES * 100 })
  })

  test('the mark of a large view says the same when a change has caused the read', async () => {
    expect((await markedBy([first, later, later], 'change')).mark).toMatchObject(first)
  })

  test('a sync does not go on with pages whose mark could not say that the change is missing', async () => {
    const field = declareList()
    await stopped(forceRefresh(here.runtime, field, 'cron'), IN_ONE_REFRESH)

    await stopped(forceRefresh(here.runtime, field, 'change'), IN_ONE_REFRESH)
  })
})

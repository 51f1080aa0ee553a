import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { airtableClient } from '@/tests/kit/airtable/airtableClient'
import { startTestAirtable, TEST_AIRTABLE } from '@/tests/kit/airtable/testAirtable'

const { apiKey, baseId, tableId, view } = TEST_AIRTABLE

let server: AirtableServer

beforeEach(async () => {
  let now = 0
  server = await startTestAirtable({
    clock: () => {
      now += 1_000
      return now
    },
  })
})
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  await server.close()
})

async function read(signal?: AbortSignal) {
  const client = await airtableClient({ url: server.url, apiKey, pageTimeoutMs: 60_000 })
  return client.fetchRecords(baseId, tableId, { view, fields: ['Nombre'], ...(signal ? { signal } : {}) })
}

/** Begins reads, waits until the server is at them all, the headers having come if it sends any, and then a minute. */
async function readUntilTheDeadline(count: number, headersCome: boolean) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const fetched = vi.spyOn(globalThis, 'fetch')
  const reads = Promise.allSettled(Array.from({ length: count }, () => read()))
  await expect.poll(() => server.openAnswers()).toBe(count)
  const answered = () => fetched.mock.settledResults.filter(({ type }) => type === 'fulfilled').length
  if (headersCome) await expect.poll(answered).toBe(count)
  vi.advanceTimersByTime(60_000)
  vi.useRealTimers()
  return (await reads).map((outcome) => outcome.status === 'rejected' && outcome.reason.code)
}

describe('against a server that misbehaves', () => {
  it.each([
    ['a body that stalls', 'stall', true],
    ['an answer that never begins', 'hang', false],
  ] as const)('closes the connection of %s', async (_, kind, headersCome) => {
    await server.faults.set({ kind })
    expect(await readUntilTheDeadline(1, headersCome)).toEqual(['AIRTABLE_TIMEOUT'])
    await expect.poll(() => server.openAnswers()).toBe(0)
    expect(server.counters.requests).toBe(1)
  })

  it('many stalled answers leave no connection open', async () => {
    await server.faults.set({ kind: 'stall' })
    expect(await readUntilTheDeadline(20, true)).toEqual(Array(20).fill('AIRTABLE_TIMEOUT'))
    await expect.poll(() => server.openAnswers()).toBe(0)
    expect(server.counters.requests).toBe(20)
  })

  it('an abort closes the connection of a stalled body', async () => {
    const abort = new AbortController()
    await server.faults.set({ kind: 'stall' })
    const reading = read(abort.signal)
    await expect.poll(() => server.openAnswers()).toBe(1)
    abort.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    await expect.poll(() => server.openAnswers()).toBe(0)
  })

  it('a body without an end is read up to 16 MiB, then its connection is closed', async () => {
    await server.faults.set({ kind: 'endless' })
    await expect(read()).rejects.toMatchObject({
      code: 'AIRTABLE_TOO_LARGE',
      message: expect.stringContaining(`${16 * 1024 * 1024} bytes`),
    })
    await expect.poll(() => server.openAnswers()).toBe(0)
    expect(server.counters.requests).toBe(1)
  })

  it.each([
    ['reset', 3],
    ['lost-reply', 3],
    ['error', 3],
    ['bad-gateway', 3],
    ['rate-limit', 1],
    ['billing', 1],
    ['unauthorized', 1],
    ['garbage', 1],
    ['wrong-shape', 1],
    ['iterator-gone', 3],
  ] as const)('%s: asks %i times, then says so', async (kind, requests) => {
    const codes = {
      reset: 'AIRTABLE_UNAVAILABLE',
      'lost-reply': 'AIRTABLE_UNAVAILABLE',
      error: 'AIRTABLE_UNAVAILABLE',
      'bad-gateway': 'AIRTABLE_UNAVAILABLE',
      'rate-limit': 'AIRTABLE_RATE_LIMITED',
      billing: 'AIRTABLE_QUOTA_EXHAUSTED',
      unauthorized: 'AIRTABLE_UNAUTHORIZED',
      garbage: 'AIRTABLE_BAD_REPLY',
      'wrong-shape': 'AIRTABLE_BAD_REPLY',
      'iterator-gone': 'AIRTABLE_ITERATOR_LOST',
    }
    await server.faults.set({ kind })
    await expect(read()).rejects.toMatchObject({ code: codes[kind] })
    expect(server.counters.requests).toBe(requests)
  })

  it('a view is read whole although its second page fails twice', async () => {
    await server.faults.set({ kind: 'error', match: 'offset=', times: 2 })
    expect(new Set((await read()).map(({ id }) => id)).size).toBe(240)
    expect(server.counters.byStatus).toEqual({ 200: 3, 500: 2 })
  })

  it('a view is read whole although Airtable loses the list on its third page', async () => {
    await server.faults.set({ kind: 'iterator-gone', match: 'offset=', times: 1 })
    expect(new Set((await read()).map(({ id }) => id)).size).toBe(240)
    expect(server.counters.byStatus).toEqual({ 200: 4, 422: 1 })
  })

  it('the error of a refused connection names the error of the system', async () => {
    await server.faults.set({ kind: 'refuse' })
    await expect(read()).rejects.toMatchObject({
      code: 'AIRTABLE_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  it.each([
    ['AIRTABLE_FORBIDDEN', { tableId: 'tblNothing' }, 'tblNothing'],
    ['AIRTABLE_FORBIDDEN', { baseId: 'appNothing' }, 'appNothing'],
    ['AIRTABLE_VIEW_UNKNOWN', { view: 'Nadie' }, '"Nadie"'],
    ['AIRTABLE_VIEW_UNKNOWN', { view: 'viw00000000000000' }, '"viw00000000000000"'],
    ['AIRTABLE_FIELD_UNKNOWN', { fields: ['Nombre', 'Altura'] }, 'no column "Altura"'],
    ['AIRTABLE_UNAUTHORIZED', { apiKey: 'patWrong' }, 'AIRTABLE_API_KEY'],
  ])('%s names what is wrong in %j', async (code, wrong, named) => {
    const asked = { apiKey, baseId, tableId, view, fields: ['Nombre'], ...wrong }
    const client = await airtableClient({ url: server.url, apiKey: asked.apiKey })
    const reading = client.fetchRecords(asked.baseId, asked.tableId, asked)
    await expect(reading).rejects.toMatchObject({ code, message: expect.stringContaining(named) })
  })
})

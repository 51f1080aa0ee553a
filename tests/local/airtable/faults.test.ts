import Airtable from 'airtable'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { type AnsweredRecord, startTestAirtable, TEST_AIRTABLE } from '@/tests/kit/airtable/testAirtable'

const { apiKey, baseId, tableId } = TEST_AIRTABLE

let server: AirtableServer

beforeEach(async () => {
  let now = 0
  server = await startTestAirtable({ clock: () => (now += 1_000) })
})
afterEach(() => server.close())

const headers = { authorization: `Bearer ${apiKey}` }
const table = () => `${server.url}/v0/${baseId}/${tableId}`
const ask = (init: RequestInit = {}) => fetch(`${table()}?maxRecords=1`, { headers, ...init })

/** What a fetch rejected with: the system's code, or the name of the reason; undefined when it did not. */
async function failure(asked: Promise<unknown>): Promise<unknown> {
  const error = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const { cause, name } = Object(error) as { cause?: { code?: string }; name?: string }
  return cause?.code ?? name
}

async function firstRecord(): Promise<AnsweredRecord> {
  const { records } = (await (await ask()).json()) as { records: AnsweredRecord[] }
  const [record] = records
  if (record === undefined) throw new Error('the table is empty')
  return record
}

function rename(id: string, name: string): Promise<Response> {
  const body = JSON.stringify({ fields: { Nombre: name } })
  return fetch(`${table()}/${id}`, { method: 'PATCH', headers, body })
}

describe('answers on demand', () => {
  it.each([
    ['unauthorized', 401, { error: { type: 'AUTHENTICATION_REQUIRED', message: 'Authentication required' } }],
    [
      'rate-limit',
      429,
      {
        errors: [{ error: 'RATE_LIMIT_REACHED', message: 'Rate limit exceeded. Please try again later' }],
      },
    ],
    [
      'billing',
      429,
      {
        errors: [
          {
            error: 'PUBLIC_API_BILLING_LIMIT_EXCEEDED',
            message:
              "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month.",
          },
        ],
      },
    ],
    [
      'error',
      500,
      { error: { type: 'SERVER_ERROR', message: 'The server encountered an unexpected condition' } },
    ],
    ['iterator-gone', 422, { error: { type: 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE' } }],
    ['wrong-shape', 200, { rows: [] }],
  ] as const)('%s: %i, in JSON, for the next two requests', async (kind, status, body) => {
    await server.faults.set({ kind, times: 2 })
    for (let i = 0; i < 2; i += 1) {
      const response = await ask()
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toContain('application/json')
      expect(await response.json()).toEqual(body)
    }
    expect((await ask()).status).toBe(200)
    expect(server.faults.active).toBeUndefined()
    expect(server.counters.byStatus).toEqual(status === 200 ? { 200: 3 } : { [status]: 2, 200: 1 })
  })

  it.each([
    ['bad-gateway', 502],
    ['garbage', 200],
  ] as const)('%s: %i, in HTML, until it is cleared', async (kind, status) => {
    await server.faults.set({ kind })
    for (let i = 0; i < 3; i += 1) {
      const response = await ask()
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('text/html')
      await expect(response.json()).rejects.toThrow(SyntaxError)
    }
    await server.faults.clear()
    await expect((await ask()).json()).resolves.toHaveProperty('records')
  })

  it('faults that are answers change no records, and come with any key', async () => {
    const before = await firstRecord()
    await server.faults.set({ kind: 'error' })
    expect((await rename(before.id, 'Nadie')).status).toBe(500)
    expect((await fetch(table())).status).toBe(500)
    await server.faults.clear()
    expect(await firstRecord()).toEqual(before)
  })
})

describe('connections on demand', () => {
  it('refuse: nothing listens until it is cleared', async () => {
    await ask()
    await server.faults.set({ kind: 'refuse' })
    expect(await failure(ask())).toBe('ECONNREFUSED')
    await server.faults.clear()
    expect((await ask()).status).toBe(200)
  })

  it('refuse: comes to an end by itself when it was set for a time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await server.faults.set({ kind: 'refuse', ms: 60_000 })
    await vi.advanceTimersByTimeAsync(60_000)
    vi.useRealTimers()
    await expect.poll(() => failure(ask())).toBeUndefined()
    expect(server.faults.active).toBeUndefined()
  })

  it('refuse: does not bring back a server that is closed meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await server.faults.set({ kind: 'refuse', ms: 60_000 })
    await server.close()
    await vi.advanceTimersByTimeAsync(60_000)
    vi.useRealTimers()
    expect(await failure(ask())).toBe('ECONNREFUSED')
  })

  it('reset: the connection ends without an answer and without effect', async () => {
    const { id, fields } = await firstRecord()
    await server.faults.set({ kind: 'reset', times: 1 })
    expect(await failure(rename(id, 'Nadie'))).toBe('ECONNRESET')
    expect((await firstRecord()).fields).toEqual(fields)
    expect(server.counters).toMatchObject({ requests: 3, byKind: { update: 1 }, byStatus: { 200: 2 } })
  })

  it('lost-reply: the change is made, and no answer comes', async () => {
    const { id } = await firstRecord()
    await server.faults.set({ kind: 'lost-reply', times: 1 })
    expect(await failure(rename(id, 'Ada'))).toBe('ECONNRESET')
    expect((await firstRecord()).fields.Nombre).toBe('Ada')
  })

  it('hang: no answer, and the server can be closed all the same', async () => {
    await server.faults.set({ kind: 'hang', times: 1 })
    const hanging = ask()
    await expect.poll(() => server.counters.requests).toBe(1)
    expect((await ask()).status).toBe(200)
    await server.close()
    expect(await failure(hanging)).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/)
  })

  it('stall: headers and a part of the body, then nothing', async () => {
    await server.faults.set({ kind: 'stall', times: 1 })
    const abort = new AbortController()
    const response = await ask({ signal: abort.signal })
    expect(response.status).toBe(200)
    const reader = response.body?.getReader()
    expect((await reader?.read())?.value?.length).toBeGreaterThan(0)
    const rest = reader?.read()
    expect((await ask()).status).toBe(200)
    abort.abort()
    await expect(rest).rejects.toThrow('aborted')
  })

  it('endless: a body that goes on until its reader hangs up', async () => {
    await server.faults.set({ kind: 'endless', times: 1 })
    const abort = new AbortController()
    const response = await ask({ signal: abort.signal })
    const reader = response.body?.getReader()
    let bytes = 0
    while (bytes < 4_000_000) bytes += (await reader?.read())?.value?.length ?? 0
    expect(server.openAnswers()).toBe(1)
    abort.abort()
    await expect.poll(() => server.openAnswers()).toBe(0)
  })

  it('slow: the answer is made at once and comes later', async () => {
    const before = await firstRecord()
    await server.faults.set({ kind: 'slow', ms: 60, times: 1 })
    const started = performance.now()
    const slow = ask()
    await expect.poll(() => server.faults.active).toBeUndefined()
    await rename(before.id, 'Ada')
    const { records } = (await (await slow).json()) as { records: AnsweredRecord[] }
    expect(performance.now() - started).toBeGreaterThan(45)
    expect(records).toEqual([before])
  })
})

describe('which requests are hit', () => {
  it('hits requests whose method, path, query or body matches', async () => {
    const { id } = await firstRecord()
    await server.faults.set({ kind: 'bad-gateway', match: '^patch .*grace' })
    expect((await rename(id, 'Ada')).status).toBe(200)
    expect((await ask()).status).toBe(200)
    expect((await rename(id, 'Grace')).status).toBe(502)
    expect((await firstRecord()).fields.Nombre).toBe('Ada')
  })

  it('can hit only the second page, as when a list expires while it is read', async () => {
    await server.faults.set({ kind: 'iterator-gone', match: 'offset=itr', times: 1 })
    const client = new Airtable({ apiKey, endpointUrl: server.url }).base(baseId)
    await expect(client(tableId).select().all()).rejects.toMatchObject({
      error: 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE',
    })
    expect(await client(tableId).select().all()).toHaveLength(264)
  })
})

describe('the control endpoint', () => {
  const faults = () => `${server.url}/__local/faults`

  it('sets, returns and clears the fault without a key and without being counted or hit', async () => {
    const fault = { kind: 'billing', times: 2 }
    const set = await fetch(faults(), { method: 'POST', body: JSON.stringify(fault) })
    expect(await set.json()).toEqual({ active: fault })
    expect((await ask()).status).toBe(429)
    expect(await (await fetch(faults())).json()).toEqual({ active: { ...fault, times: 1 } })
    expect(await (await fetch(faults(), { method: 'DELETE' })).json()).toEqual({ active: null })
    expect((await ask()).status).toBe(200)
    expect(server.counters.requests).toBe(2)
  })

  it('names its kinds when the given one is unknown', async () => {
    const response = await fetch(faults(), { method: 'POST', body: '{"kind":"quota"}' })
    expect(response.status).toBe(400)
    expect(await response.json()).toHaveProperty('error', expect.stringContaining('billing, iterator-gone'))
  })
})

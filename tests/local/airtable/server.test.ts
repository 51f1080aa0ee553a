import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { startTestAirtable, TEST_AIRTABLE } from '@/tests/kit/airtable/testAirtable'

const { apiKey, baseId, tableId } = TEST_AIRTABLE
const headers = { authorization: `Bearer ${apiKey}` }

let server: AirtableServer
let now: number

beforeEach(async () => {
  now = 0
  server = await startTestAirtable({ clock: () => now })
})
afterEach(() => server.close())

const table = () => `${server.url}/v0/${baseId}/${tableId}`

async function call(
  url: string,
  init: RequestInit = { headers },
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, init)
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  return { status: response.status, body: await response.json() }
}

async function statuses(count: number): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < count; i += 1) found.push((await call(`${table()}?pageSize=1`)).status)
  return found
}

async function someRecord(): Promise<{ id: string; createdTime: string; fields: Record<string, unknown> }> {
  const { body } = await call(`${table()}?pageSize=1`)
  const [record] = (body as { records: Awaited<ReturnType<typeof someRecord>>[] }).records
  if (record === undefined) throw new Error('the table is empty')
  return record
}

describe('who may ask', () => {
  it.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer patWrong' }],
    ['another scheme', { authorization: `Basic ${apiKey}` }],
  ])('answers 401 to %s', async (_, wrong) => {
    expect(await call(table(), { headers: wrong })).toEqual({
      status: 401,
      body: { error: { type: 'AUTHENTICATION_REQUIRED', message: 'Authentication required' } },
    })
  })

  it('does not take a key from the query string', async () => {
    expect((await call(`${table()}?api_key=${apiKey}`, {})).status).toBe(401)
  })
})

describe('what is not there', () => {
  it.each([`/v0/appOther000000001/${tableId}`, `/v0/${baseId}/Nothing`])(
    'answers 403 to %s',
    async (path) => {
      const { status, body } = await call(server.url + path)
      expect(status).toBe(403)
      expect(body).toHaveProperty('error.type', 'INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND')
    },
  )

  it.each([
    '/',
    '/v0',
    `/v0/${baseId}`,
    `/v0/${baseId}/${tableId}/recNobody00000001`,
    `/v0/${baseId}/${tableId}/a/b`,
  ])('answers 404 with an error that is a string to %s', async (path) => {
    expect(await call(server.url + path)).toEqual({ status: 404, body: { error: 'NOT_FOUND' } })
  })
})

describe('one record', () => {
  it('reads a record by its id', async () => {
    const record = await someRecord()
    expect(await call(`${table()}/${record.id}`)).toEqual({ status: 200, body: record })
  })

  it('changes a record by PATCH, cell by cell, and then lists it so', async () => {
    const record = await someRecord()
    const changed = { ...record, fields: { ...record.fields, Nombre: 'Ñuria Íñiguez' } }
    const patch = { method: 'PATCH', headers, body: JSON.stringify({ fields: { Nombre: 'Ñuria Íñiguez' } }) }
    expect(await call(`${table()}/${record.id}`, patch)).toEqual({ status: 200, body: changed })
    expect(await someRecord()).toEqual(changed)
  })

  it('removes a cell that is set to null', async () => {
    const { id } = await someRecord()
    await call(`${table()}/${id}`, { method: 'PATCH', headers, body: '{"fields":{"Nombre":null}}' })
    expect((await someRecord()).fields).not.toHaveProperty('Nombre')
  })

  it.each([
    ['an unknown field', '{"fields":{"Altura":1}}', 422, 'UNKNOWN_FIELD_NAME'],
    ['a body without fields', '{"typecast":true}', 422, 'INVALID_REQUEST_MISSING_FIELDS'],
    ['a body with something else', '{"Nombre":"x","fields":{}}', 422, 'INVALID_REQUEST_UNKNOWN'],
    ['a body that is not JSON', '{"fields":', 400, 'INVALID_REQUEST_UNKNOWN'],
    ['a body of more than 1 MiB', 'x'.repeat(1_048_577), 413, 'REQUEST_TOO_LARGE'],
  ])('leaves the record unchanged after a PATCH with %s', async (_, sent, status, type) => {
    const before = await someRecord()
    const answer = await call(`${table()}/${before.id}`, { method: 'PATCH', headers, body: sent })
    expect(answer.status).toBe(status)
    expect(answer.body).toHaveProperty('error.type', type)
    expect(await someRecord()).toEqual(before)
  })
})

describe('the rate limit', () => {
  it('refuses the sixth request in a second, with the vendor’s body', async () => {
    expect(await statuses(5)).toEqual([200, 200, 200, 200, 200])
    now = 999
    expect(await call(table())).toEqual({
      status: 429,
      body: {
        errors: [{ error: 'RATE_LIMIT_REACHED', message: 'Rate limit exceeded. Please try again later' }],
      },
    })
  })

  it('refuses for 30 s, with any number of requests, and then answers', async () => {
    await statuses(6)
    now = 15_000
    expect(await statuses(1)).toEqual([429])
    now = 29_999
    expect(await statuses(1)).toEqual([429])
    now = 30_000
    expect(await statuses(6)).toEqual([200, 200, 200, 200, 200, 429])
  })

  it('the rate limit counts any 1,000 ms, not calendar seconds', async () => {
    now = 600
    await statuses(5)
    now = 1_599
    expect(await statuses(1)).toEqual([429])
  })

  it('lets five a second through for ever', async () => {
    for (let second = 0; second < 4; second += 1) {
      now = second * 1_000
      expect(await statuses(5)).toEqual([200, 200, 200, 200, 200])
    }
  })

  it('requests without the key do not count towards the rate limit', async () => {
    for (let i = 0; i < 6; i += 1) await call(table(), {})
    expect(await statuses(5)).toEqual([200, 200, 200, 200, 200])
  })
})

describe('the counters', () => {
  it('counts requests, refusals, kinds, statuses and the bytes of bodies', async () => {
    const text = await (await fetch(`${table()}?pageSize=2`, { headers })).text()
    const body = JSON.stringify({ fields: { Nombre: 'Íñigo' } })
    const unknownUrl = `${table()}/recNobody00000001`
    const missing = await (await fetch(unknownUrl, { method: 'PATCH', headers, body })).text()
    const unknown = await (await fetch(`${server.url}/v0`, { method: 'PUT', headers })).text()
    expect(server.counters).toEqual({
      requests: 3,
      refusals: 0,
      bytesIn: Buffer.byteLength(body),
      bytesOut: Buffer.byteLength(text) + Buffer.byteLength(missing) + Buffer.byteLength(unknown),
      byKind: { list: 1, update: 1, unknown: 1 },
      byStatus: { 200: 1, 404: 2 },
    })
    await statuses(4)
    expect(server.counters).toMatchObject({ requests: 7, refusals: 1, byStatus: { 429: 1 } })
  })

  it('the counters are read without a key at /__local/stats, not counted, and reset by DELETE', async () => {
    await statuses(2)
    const stats = `${server.url}/__local/stats`
    expect(await call(stats, {})).toMatchObject({ status: 200, body: { requests: 2 } })
    expect(await call(stats, { method: 'DELETE' })).toMatchObject({
      status: 200,
      body: { requests: 0, byStatus: {} },
    })
    expect(server.counters.requests).toBe(0)
    await statuses(1)
    server.resetCounters()
    expect(await call(stats, {})).toMatchObject({ body: { requests: 0 } })
  })
})

describe('the process', () => {
  it('answers on the loopback address only and is gone once closed', async () => {
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    await server.close()
    await expect(fetch(table(), { headers })).rejects.toThrow('fetch failed')
  })

  it('rejects with EADDRINUSE when the port is taken', async () => {
    await expect(startTestAirtable({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('survives a client that hangs up in the middle of its body', async () => {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write('PATCH /v0/x/y/z HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{')
        socket.destroy()
      })
      socket.once('close', () => resolve()).once('error', reject)
    })
    expect(await statuses(1)).toEqual([200])
  })

  it('delays each answer by the given latency', async () => {
    const slow = await startTestAirtable({ latencyMs: 40 })
    const started = performance.now()
    await fetch(`${slow.url}/v0/${baseId}/${tableId}?pageSize=1`, { headers })
    expect(performance.now() - started).toBeGreaterThan(29)
    await slow.close()
  })

  it('performs a request on arrival, so that a late answer can be outdated', async () => {
    const before = await someRecord()
    const slow = await startTestAirtable({ latencyMs: 40 })
    const url = `${slow.url}/v0/${baseId}/${tableId}/${before.id}`
    const read = call(url)
    await expect.poll(() => slow.counters.requests).toBe(1)
    await call(url, { method: 'PATCH', headers, body: '{"fields":{"Nombre":"Ada"}}' })
    expect(await read).toEqual({ status: 200, body: before })
    expect((await call(url)).body).toHaveProperty('fields.Nombre', 'Ada')
    await slow.close()
  })
})

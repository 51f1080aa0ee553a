import { delay, HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { AirtableService } from '@/lib/core-services/airtable/airtableService'
import { type Clock, systemClock } from '@/lib/core-services/cache/engine/ports'

const ENDPOINT = 'http://airtable.test'
const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

async function service(pageTimeoutMs = 5_000, clock = systemClock): Promise<AirtableService> {
  const config = { apiKey: 'pat-secret', endpointUrl: ENDPOINT, pageTimeoutMs }
  const airtable = new AirtableService(() => config, clock)
  await airtable.initialize()
  return airtable
}

function answer(reply: () => Response | Promise<Response>): { urls: URL[] } {
  const urls: URL[] = []
  server.use(
    http.get(`${ENDPOINT}/*`, ({ request }) => {
      urls.push(new URL(request.url))
      return reply()
    }),
  )
  return { urls }
}

const read = (airtable: AirtableService, signal?: AbortSignal) =>
  airtable.fetchRecords('appBase', 'tblPeople', {
    view: 'Agentes de venta',
    fields: ['Nombre'],
    ...(signal ? { signal } : {}),
  })
const page = (records: unknown[], offset?: string) =>
  HttpResponse.json({ records, ...(offset ? { offset } : {}) })
const record = (id: string) => ({ id, createdTime: '2025-01-03T00:00:00.000Z', fields: { Nombre: id } })

describe('reading records', () => {
  it('follows the offsets in order and asks only for the columns that are used', async () => {
    const pages = [
      page([record('rec1')], 'itr1/rec1'),
      page([record('rec2')], 'itr2/rec2'),
      page([record('rec3')]),
    ]
    const { urls } = answer(() => pages.shift() ?? HttpResponse.error())
    const records = await read(await service())
    expect(records.map(({ id }) => id)).toEqual(['rec1', 'rec2', 'rec3'])
    expect(urls.map((url) => url.searchParams.get('offset'))).toEqual([null, 'itr1/rec1', 'itr2/rec2'])
    expect(urls.every((url) => url.searchParams.getAll('fields[]').join() === 'Nombre')).toBe(true)
    expect(urls[0]?.searchParams.get('view')).toBe('Agentes de venta')
    expect(urls[0]?.pathname).toBe('/v0/appBase/tblPeople')
  })

  it.each([
    [
      401,
      { error: { type: 'AUTHENTICATION_REQUIRED', message: 'x' } },
      'AIRTABLE_UNAUTHORIZED',
      'AIRTABLE_API_KEY',
    ],
    [
      403,
      { error: { type: 'INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND', message: 'x' } },
      'AIRTABLE_FORBIDDEN',
      'Add the base',
    ],
    [404, { error: 'NOT_FOUND' }, 'AIRTABLE_NOT_FOUND', 'Check the ids'],
    [
      422,
      { error: { type: 'VIEW_NAME_NOT_FOUND', message: 'View not found' } },
      'AIRTABLE_REFUSED',
      'renamed',
    ],
    [
      429,
      { errors: [{ error: 'RATE_LIMIT_REACHED', message: 'x' }] },
      'AIRTABLE_RATE_LIMITED',
      '5 requests a second',
    ],
    [
      503,
      { error: { type: 'SERVICE_UNAVAILABLE', message: 'x' } },
      'AIRTABLE_UNAVAILABLE',
      'passes by itself',
    ],
  ])('tells a %i apart and says how to mend it, after one request', async (status, body, code, hint) => {
    const { urls } = answer(() => HttpResponse.json(body, { status }))
    await expect(read(await service())).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) })
    expect(urls).toHaveLength(1)
  })

  it('rejects an answer that is no page of records, where the package alone would hang', async () => {
    answer(() => new HttpResponse('<html>maintenance</html>', { status: 200 }))
    await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_UNAVAILABLE' })
    answer(() => HttpResponse.json({}))
    await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_BAD_REPLY' })
    for (const offset of [5, '', null]) {
      answer(() => HttpResponse.json({ records: [record('rec1')], offset }))
      await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_BAD_REPLY' })
    }
    answer(() => HttpResponse.json({ records: [{ id: 1 }] }))
    await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_BAD_REPLY' })
  })

  it('gives up a page that does not come, and one whose body stalls', async () => {
    answer(async () => {
      await delay('infinite')
      return page([])
    })
    await expect(read(await service(30))).rejects.toMatchObject({ code: 'AIRTABLE_TIMEOUT' })
    answer(
      () =>
        new HttpResponse(
          new ReadableStream({ start: (body) => body.enqueue(new TextEncoder().encode('{')) }),
        ),
    )
    await expect(read(await service(30))).rejects.toMatchObject({ code: 'AIRTABLE_TIMEOUT' })
  })

  it('stops at once when the caller aborts, with the reason given', async () => {
    const abort = new AbortController()
    answer(async () => {
      abort.abort(new Error('out of time'))
      await delay('infinite')
      return page([])
    })
    await expect(read(await service(), abort.signal)).rejects.toThrow('out of time')
  })

  it('asks for no further page after an abort between pages', async () => {
    const abort = new AbortController()
    const pages = [page([record('rec1')], 'itr1/rec1'), page([])]
    const { urls } = answer(() => pages.shift() ?? HttpResponse.error())
    // By this clock the turn of the second page is a minute away.
    let asked = 0
    const clock: Clock = { ...systemClock, now: () => 0, monotonic: () => -60_000 * asked++ }
    const reading = read(await service(5_000, clock), abort.signal)
    await expect.poll(() => asked).toBe(2)
    abort.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    expect(urls).toHaveLength(1)
  })

  it('does not repeat the key in errors, not even when the library does', async () => {
    const config = { apiKey: 'pat-secret\u200b', endpointUrl: ENDPOINT, pageTimeoutMs: 5_000 }
    const airtable = new AirtableService(() => config)
    await airtable.initialize()
    const error = await read(airtable).catch((caught: Error) => caught)
    expect(error).toMatchObject({
      code: 'AIRTABLE_UNAVAILABLE',
      message: expect.stringContaining('no answer'),
    })
    expect(`${(error as Error).message} ${JSON.stringify(error)}`).not.toContain('pat-secret')
  })

  it('cannot be used before it is initialised', async () => {
    await expect(read(new AirtableService())).rejects.toMatchObject({ code: 'AIRTABLE_NOT_INITIALIZED' })
  })
})

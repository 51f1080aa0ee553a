import { inspect } from 'node:util'
import { delay, HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { AirtableService } from '@/lib/core-services/airtable/airtableService'
import { defaultPorts, type Ports } from '@/lib/shared/ports'
import { airtableClient, hastyClock, recordedLimiter } from '@/tests/kit/airtable/airtableClient'

const ENDPOINT = 'http://airtable.test'
const API_KEY = 'pat-secret'
const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterEach(() => {
  server.resetHandlers()
  vi.useRealTimers()
  vi.restoreAllMocks()
})
afterAll(() => server.close())

const service = (ports?: Partial<Ports>, apiKey = API_KEY) => airtableClient({ url: ENDPOINT, apiKey }, ports)

/** Gives these answers in turn, the last one for ever, and notes what was asked. */
function answer(...replies: (() => Response | Promise<Response>)[]): { requests: Request[]; urls: URL[] } {
  const requests: Request[] = []
  const urls: URL[] = []
  server.use(
    http.all(`${ENDPOINT}/*`, ({ request }) => {
      urls.push(new URL(request.url))
      requests.push(request.clone())
      return (replies[urls.length - 1] ?? replies.at(-1) ?? HttpResponse.error)()
    }),
  )
  return { requests, urls }
}

const read = (airtable: AirtableService, signal?: AbortSignal) =>
  airtable.fetchRecords('appBase', 'tblPeople', {
    view: 'Agentes de venta',
    fields: ['Nombre'],
    ...(signal ? { signal } : {}),
  })
const record = (id: string, name = id) => ({
  id,
  createdTime: '2025-01-03T00:00:00.000Z',
  fields: { Nombre: name },
})
const page = (records: unknown[], offset?: string) => () =>
  HttpResponse.json({ records, ...(offset ? { offset } : {}) })
const refusal =
  (status: number, type: string, headers: Record<string, string> = {}) =>
  () =>
    HttpResponse.json({ error: { type } }, { status, headers })
const iteratorGone = refusal(422, 'LIST_RECORDS_ITERATOR_NOT_AVAILABLE')

describe('reading records', () => {
  it('a read follows the offsets in order and requests only the named columns', async () => {
    const { urls, requests } = answer(
      page([record('rec1')], 'itr1/rec1'),
      page([record('rec2')], 'itr2/rec2'),
      page([record('rec3')]),
    )
    const records = await read(await service())
    expect(records.map(({ id }) => id)).toEqual(['rec1', 'rec2', 'rec3'])
    expect(urls.map((url) => url.searchParams.get('offset'))).toEqual([null, 'itr1/rec1', 'itr2/rec2'])
    expect(urls.every((url) => url.searchParams.getAll('fields[]').join() === 'Nombre')).toBe(true)
    expect(urls[0]?.searchParams.get('view')).toBe('Agentes de venta')
    expect(urls[0]?.searchParams.get('pageSize')).toBe('100')
    expect(urls[0]?.pathname).toBe('/v0/appBase/tblPeople')
    expect(requests.map(({ cache, headers }) => [cache, headers.get('authorization')])).toEqual(
      Array.from({ length: 3 }, () => ['no-store', `Bearer ${API_KEY}`]),
    )
  })

  it('records are plain data without unknown keys', async () => {
    answer(page([{ ...record('rec1'), commentCount: 3 }]))
    expect(await read(await service())).toEqual([record('rec1')])
  })

  it('a record that moves during a read is listed once, at its first place with its newest values', async () => {
    answer(
      page([record('rec1', 'old'), record('rec2')], 'itr/2'),
      page([record('rec3'), record('rec1', 'new')]),
    )
    expect(await read(await service())).toEqual([record('rec1', 'new'), record('rec2'), record('rec3')])
  })

  it('columns given by id are requested by id', async () => {
    const { urls } = answer(page([]))
    const fields = ['fld00000000000001', 'fld00000000000002']
    await (await service()).fetchRecords('appBase', 'tblPeople', { fields })
    expect(urls[0]?.searchParams.get('returnFieldsByFieldId')).toBe('true')
    await read(await service())
    expect(urls[1]?.searchParams.has('returnFieldsByFieldId')).toBe(false)
  })

  it('a mix of column ids and names is refused without a request', async () => {
    const { urls } = answer(page([]))
    const fields = ['fld00000000000001', 'Nombre']
    const reading = (await service()).fetchRecords('appBase', 'tblPeople', { fields })
    await expect(reading).rejects.toMatchObject({
      code: 'AIRTABLE_QUERY_INVALID',
      message: expect.stringContaining('tblPeople of base appBase'),
    })
    expect(urls).toHaveLength(0)
  })

  it('a repeated offset ends the read', async () => {
    answer(page([record('rec1')], 'itr1/rec1'))
    await expect(read(await service())).rejects.toMatchObject({
      code: 'AIRTABLE_BAD_REPLY',
      message: expect.stringContaining('repeat without an end'),
    })
  })

  it.each([
    ['HTML', () => HttpResponse.html('<html>maintenance</html>')],
    ['no records', () => HttpResponse.json({})],
    ['null', () => HttpResponse.json(null)],
    ['nothing', () => new HttpResponse(null, { status: 200 })],
    ['an offset that is a number', () => HttpResponse.json({ records: [], offset: 5 })],
    ['an empty offset', () => HttpResponse.json({ records: [], offset: '' })],
    ['a record without fields', () => HttpResponse.json({ records: [{ id: 'rec1', createdTime: '' }] })],
    ['fields in a list', () => HttpResponse.json({ records: [{ ...record('rec1'), fields: [] }] })],
    ['a record that is null', () => HttpResponse.json({ records: [null] })],
  ])('rejects an answer that is no page of records: %s', async (_, reply) => {
    const { urls } = answer(reply)
    await expect(read(await service())).rejects.toMatchObject({
      code: 'AIRTABLE_BAD_REPLY',
      message: expect.stringContaining('table tblPeople of base appBase, view "Agentes de venta"'),
    })
    expect(urls).toHaveLength(1)
  })

  it('the status alone identifies an error whose body stalls or never ends', async () => {
    const stalls = () => new Promise<void>(() => undefined)
    const goesOn = (body: ReadableStreamDefaultController) => body.enqueue(new Uint8Array(65_536))
    for (const pull of [stalls, goesOn]) {
      const body = new ReadableStream({ pull })
      answer(() => new HttpResponse(body, { status: 429 }))
      const fetched = vi.spyOn(globalThis, 'fetch')
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const reading = read(await service()).catch((caught: unknown) => caught)
      await expect.poll(() => fetched.mock.settledResults[0]?.type).toBe('fulfilled')
      await vi.advanceTimersByTimeAsync(1_000)
      expect(await reading).toMatchObject({ code: 'AIRTABLE_RATE_LIMITED', retryAfter: 30 })
      fetched.mockRestore()
    }
  })

  it('the service cannot be used before it is initialised', async () => {
    await expect(read(new AirtableService())).rejects.toMatchObject({ code: 'AIRTABLE_NOT_INITIALIZED' })
  })
})

describe('trying again', () => {
  it.each([
    ['AIRTABLE_UNAUTHORIZED', refusal(401, 'AUTHENTICATION_REQUIRED')],
    ['AIRTABLE_FORBIDDEN', refusal(403, 'INVALID_PERMISSIONS')],
    ['AIRTABLE_NOT_FOUND', () => HttpResponse.json({ error: 'NOT_FOUND' }, { status: 404 })],
    ['AIRTABLE_VIEW_UNKNOWN', refusal(422, 'VIEW_NAME_NOT_FOUND')],
    ['AIRTABLE_FIELD_UNKNOWN', refusal(422, 'UNKNOWN_FIELD_NAME')],
    ['AIRTABLE_RATE_LIMITED', refusal(429, 'RATE_LIMIT_REACHED', { 'retry-after': '1' })],
    ['AIRTABLE_QUOTA_EXHAUSTED', refusal(429, 'PUBLIC_API_BILLING_LIMIT_EXCEEDED', { 'retry-after': '1' })],
  ])('does not help against %s: one request', async (code, reply) => {
    const { urls } = answer(reply)
    await expect(read(await service())).rejects.toMatchObject({ code })
    expect(urls).toHaveLength(1)
  })

  it('a server error and a broken connection are retried on the same page', async () => {
    const clock = hastyClock()
    const { urls } = answer(
      page([record('rec1')], 'itr/1'),
      () => HttpResponse.html('<html>502</html>', { status: 502 }),
      () => HttpResponse.error(),
      page([record('rec2')]),
    )
    const records = await read(await service({ clock, random: () => 0 }))
    expect(records.map(({ id }) => id)).toEqual(['rec1', 'rec2'])
    expect(urls.map((url) => url.searchParams.get('offset'))).toEqual([null, 'itr/1', 'itr/1', 'itr/1'])
    expect(clock.pauses).toEqual([250, 500])
  })

  it('a read ends after the third failure of a page', async () => {
    const clock = hastyClock()
    const { urls } = answer(refusal(503, 'SERVICE_UNAVAILABLE'))
    await expect(read(await service({ clock, random: () => 1 }))).rejects.toMatchObject({
      code: 'AIRTABLE_UNAVAILABLE',
      retryAfter: 5,
    })
    expect(urls).toHaveLength(3)
    expect(clock.pauses).toEqual([500, 1_000])
  })

  it('a retry waits as long as the server error asks, if that is short', async () => {
    const clock = hastyClock()
    answer(refusal(503, 'SERVICE_UNAVAILABLE', { 'retry-after': '3' }), page([]))
    await read(await service({ clock }))
    expect(clock.pauses).toEqual([3_000])
  })

  it.each([
    ['60', 60],
    ['Thu, 01 Jan 2026 00:02:00 GMT', 120],
    ['999999', 3_600],
  ])('leaves a longer Retry-After (%s) to the caller', async (header, retryAfter) => {
    const { urls } = answer(refusal(503, 'SERVICE_UNAVAILABLE', { 'retry-after': header }))
    await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_UNAVAILABLE', retryAfter })
    expect(urls).toHaveLength(1)
  })

  it.each([
    ['7', 7],
    ['0', 1],
    ['soon', 30],
    [undefined, 30],
  ])('tells the caller how long a rate limit lasts: Retry-After %s', async (header, retryAfter) => {
    answer(refusal(429, 'RATE_LIMIT_REACHED', header === undefined ? {} : { 'retry-after': header }))
    await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_RATE_LIMITED', retryAfter })
  })

  it('a read starts over from the first page when Airtable has lost the list', async () => {
    const { urls } = answer(
      page([record('rec1'), record('gone')], 'itr1/a'),
      iteratorGone,
      page([record('rec1')], 'itr2/a'),
      page([record('rec2')]),
    )
    const records = await read(await service())
    expect(records.map(({ id }) => id)).toEqual(['rec1', 'rec2'])
    expect(urls.map((url) => url.searchParams.get('offset'))).toEqual([null, 'itr1/a', null, 'itr2/a'])
  })

  it('a read ends when Airtable has lost the list three times', async () => {
    const first = page([record('rec1')], 'itr/a')
    const { urls } = answer(first, iteratorGone, first, iteratorGone, first, iteratorGone)
    await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_ITERATOR_LOST' })
    expect(urls).toHaveLength(6)
  })

  it('each request takes a permit and reports its outcome', async () => {
    const { urls } = answer(
      refusal(503, 'SERVICE_UNAVAILABLE'),
      page([record('rec1')], 'itr1/rec1'),
      refusal(429, 'RATE_LIMIT_REACHED'),
    )
    const { limiter, outcomes } = recordedLimiter()
    const airtable = await airtableClient({ url: ENDPOINT, apiKey: API_KEY }, {}, limiter)
    await expect(read(airtable)).rejects.toMatchObject({ code: 'AIRTABLE_RATE_LIMITED' })
    expect(urls).toHaveLength(3)
    expect(outcomes).toEqual([
      { kind: 'answered', works: false },
      { kind: 'answered', works: true },
      { kind: 'refused', why: 'rate-limit', seconds: undefined },
    ])
  })

  it.each([
    ['RATE_LIMIT_REACHED', 'AIRTABLE_RATE_LIMITED'],
    ['PUBLIC_API_BILLING_LIMIT_EXCEEDED', 'AIRTABLE_QUOTA_EXHAUSTED'],
  ])('asks nothing more of a base that has answered %s, and rejects at once', async (type, code) => {
    const { urls } = answer(refusal(429, type))
    const airtable = await service({ clock: defaultPorts.clock })
    for (let caller = 0; caller < 3; caller += 1) await expect(read(airtable)).rejects.toMatchObject({ code })
    expect(urls).toHaveLength(1)
  })
})

describe('being stopped', () => {
  it('an abort ends the read at once, with its reason', async () => {
    const abort = new AbortController()
    answer(async () => {
      abort.abort(new Error('out of time'))
      await delay('infinite')
      return HttpResponse.error()
    })
    const { limiter, outcomes } = recordedLimiter()
    const airtable = await airtableClient({ url: ENDPOINT, apiKey: API_KEY }, {}, limiter)
    await expect(read(airtable, abort.signal)).rejects.toThrow('out of time')
    expect(outcomes).toEqual([{ kind: 'unanswered' }])
  })

  it('an abort between pages prevents the next request', async () => {
    const abort = new AbortController()
    const { urls } = answer(page([record('rec1')], 'itr1/rec1'), page([]))
    const { limiter, taken } = recordedLimiter(2)
    const reading = read(await airtableClient({ url: ENDPOINT, apiKey: API_KEY }, {}, limiter), abort.signal)
    await expect.poll(taken).toBe(2)
    abort.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    expect(urls).toHaveLength(1)
  })

  it('an abort ends the pause before a retry', async () => {
    const abort = new AbortController()
    const { urls } = answer(refusal(503, 'SERVICE_UNAVAILABLE'))
    const sleep = async () => abort.abort(new Error('enough'))
    const airtable = await service({ clock: { ...hastyClock(), sleep } })
    await expect(read(airtable, abort.signal)).rejects.toThrow('enough')
    expect(urls).toHaveLength(1)
  })

  it('control-flow errors of the framework pass untouched', async () => {
    const bailOut = Object.assign(new Error('bail out'), { digest: 'BAILOUT' })
    const fetched = vi.spyOn(globalThis, 'fetch').mockRejectedValue(bailOut)
    const isControlFlow = (error: unknown) => error === bailOut
    await expect(read(await service({ isControlFlow }))).rejects.toBe(bailOut)
    expect(fetched).toHaveBeenCalledTimes(1)
  })
})

describe('the key', () => {
  it('the key is in no error, not even when fetch quotes it', async () => {
    const error = await read(await service({}, `${API_KEY}\n.`)).catch((caught: unknown) => caught)
    expect(error).toMatchObject({
      code: 'AIRTABLE_UNAVAILABLE',
      message: expect.stringContaining('no answer'),
    })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(API_KEY)
  })

  it('the key is in no error when the answer quotes it', async () => {
    const message = `What is Bearer ${API_KEY} for?`
    answer(() => HttpResponse.json({ error: { type: 'ODD', message } }, { status: 422 }))
    const error = await read(await service()).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'AIRTABLE_REFUSED', message: expect.stringContaining('[key]') })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(API_KEY)
  })

  it('the key is not sent to a redirect', async () => {
    const { urls } = answer(() => HttpResponse.redirect('http://login.test/'))
    await expect(read(await service())).rejects.toMatchObject({ code: 'AIRTABLE_BAD_REPLY' })
    expect(urls).toHaveLength(1)
  })

  it('the key goes to Airtable itself without a configured address', async () => {
    const config = { apiKey: API_KEY, endpointUrl: undefined, pageTimeoutMs: 5_000 }
    const airtable = new AirtableService(() => config, defaultPorts)
    await airtable.initialize()
    const asked: string[] = []
    server.use(
      http.get('https://api.airtable.com/*', ({ request }) => {
        asked.push(new URL(request.url).pathname)
        return HttpResponse.json({ records: [] })
      }),
    )
    expect(await read(airtable)).toEqual([])
    expect(asked).toEqual(['/v0/appBase/tblPeople'])
  })
})

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { withOriginHost } from '@/lib/http/auth/origin'
import { createRateLimit } from '@/lib/http/auth/rateLimit'
import { guardPageRequest } from '@/lib/http/guards/actionGuard'
import { processPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { type RecordedEvents, recordEvents } from '@/lib/testing/events'

const SITE = 'http://cache.example'
const FROM_HERE = { origin: SITE, host: 'cache.example', 'sec-fetch-site': 'same-origin' }
const byScript = { ...FROM_HERE, 'next-action': `60${'a'.repeat(40)}` }
const asText = { ...byScript, 'content-type': 'text/plain;charset=UTF-8' }

async function answer(
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | FormData; headers?: Record<string, string> } = {},
) {
  const made = new Request(SITE + path, { method, ...(body === undefined ? {} : { body }) })
  const bytes = await made.clone().arrayBuffer()
  const all = new Headers({ ...Object.fromEntries(made.headers), 'content-length': String(bytes.byteLength) })
  for (const [name, value] of Object.entries(headers)) all.set(name, value)
  const request = new Request(SITE + path, {
    method,
    headers: all,
    ...(body === undefined ? {} : { body: bytes }),
  })
  const refused = await guardPageRequest(request)
  return (
    refused && { status: refused.status, allow: refused.headers.get('allow'), text: await refused.text() }
  )
}
const form = (entries: Record<string, string>) => {
  const data = new FormData()
  for (const [name, value] of Object.entries(entries)) data.append(name, value)
  return data
}

describe('a page', () => {
  it('lets reads of pages pass', async () => {
    for (const path of ['/', '/admin', '/nothing'])
      for (const method of ['GET', 'HEAD']) expect(await answer(method, path)).toBeUndefined()
  })

  it('a page names the methods that it allows, and refuses others', async () => {
    expect(await answer('OPTIONS', '/')).toEqual({ status: 204, allow: 'GET, HEAD, OPTIONS', text: '' })
    expect(await answer('OPTIONS', '/admin')).toMatchObject({ allow: 'GET, HEAD, OPTIONS, POST' })
    for (const method of ['PUT', 'DELETE', 'PATCH', 'PROPFIND'])
      expect(await answer(method, '/admin')).toMatchObject({ status: 405, allow: 'GET, HEAD, OPTIONS, POST' })
    expect(await answer('POST', '/', { body: '[]', headers: asText })).toMatchObject({
      status: 405,
      allow: 'GET, HEAD, OPTIONS',
      text: expect.stringContaining('METHOD_UNKNOWN'),
    })
  })
})

describe('a call of a Server Action', () => {
  it.each<[string, string | FormData, Record<string, string>]>([
    ['without arguments', '[]', asText],
    ['with a form', form({ _1_token: 'abc', '0': '[null,"$K1"]' }), byScript],
    ['with the last answer', form({ _1_name: 'agents', '0': '[{"result":"begun"},"$K1"]' }), byScript],
    ['with texts that begin with a dollar sign', '["$$1","$undefined"]', asText],
    [
      'of a browser without scripts',
      form({ $ACTION_REF_1: '', '$ACTION_1:0': '{"id":"60aa","bound":"$@1"}', token: 'x' }),
      FROM_HERE,
    ],
  ])('lets a call of a Server Action pass: %s', async (_, body, headers) => {
    expect(await answer('POST', '/admin', { body, headers })).toBeUndefined()
  })

  it.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another subdomain', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'http://evil.example' }],
    ['an origin that is none', { origin: 'nonsense' }],
    ['an origin that is withheld', { origin: 'null' }],
  ])('refuses a call of a Server Action from %s', async (_, headers) => {
    const refused = await answer('POST', '/admin', { body: '[]', headers: { ...asText, ...headers } })
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('FOREIGN_ORIGIN') })
  })

  it.each<[string, string | FormData, Record<string, string>]>([
    ['JSON that is none', '{{{', asText],
    ['a value that is no list', '{}', asText],
    ['1,000 arguments', JSON.stringify(Array(1_000).fill(1)), asText],
    ['a reference into an object', '["$1:__proto__:then"]', asText],
    ['a reference deep inside', '[{"a":[{"b":"$B1"}]}]', asText],
    ['a form without its arguments', form({ token: 'abc' }), byScript],
    ['a form that is none', 'nonsense', { ...byScript, 'content-type': 'multipart/form-data; boundary=x' }],
    ['a form without a boundary', 'nonsense', { ...byScript, 'content-type': 'multipart/form-data' }],
    ['an address', 'a=b', { ...byScript, 'content-type': 'application/x-www-form-urlencoded' }],
    ['no action', '[]', { ...FROM_HERE, 'content-type': 'text/plain' }],
    ['bound arguments that are none', form({ $ACTION_REF_1: '', '$ACTION_1:1': 'nonsense' }), FROM_HERE],
  ])('refuses a call of a Server Action with %s', async (_, body, headers) => {
    const refused = await answer('POST', '/admin', { body, headers })
    expect(refused).toMatchObject({ status: 400, text: expect.stringContaining('BODY_INVALID') })
  })

  it('lets a call of a Server Action pass only below the base path of the app', async () => {
    vi.stubEnv('APP_BASE_PATH', '/shop')
    expect(await answer('POST', '/shop/admin', { body: '[]', headers: asText })).toBeUndefined()
    for (const path of ['/admin', '/shop', '/shop/shop/admin'])
      expect(await answer('POST', path, { body: '[]', headers: asText })).toMatchObject({ status: 405 })
  })

  it('refuses a call of more than 16 KB, before reading it when its head tells its length', async () => {
    const told = { ...asText, 'content-length': '16385' }
    expect(await answer('POST', '/admin', { body: '[]', headers: told })).toMatchObject({
      status: 413,
      text: expect.stringContaining('BODY_TOO_LARGE'),
    })
    const lie = { ...asText, 'content-length': '2' }
    const body = JSON.stringify(['x'.repeat(16_384)])
    expect(await answer('POST', '/admin', { body, headers: lie })).toMatchObject({ status: 400 })
  })
})

/** What arrives when a proxy in front asks for `app:3000` in its own name. */
describe('behind a proxy that changes the host', () => {
  const rewritten = { ...asText, host: 'app:3000' }
  const call = (headers: Record<string, string> = {}) =>
    answer('POST', '/admin', { body: '[]', headers: { ...rewritten, ...headers } })
  let events: RecordedEvents

  beforeEach(() => {
    events = recordEvents()
    setProcessState('ports', { ...processPorts(), emit: events.emit })
    setProcessState('refused origins', createRateLimit({ burst: 5, everyMs: 60_000 }))
  })

  it('refuses a call when a proxy changes the host; answer and log say what to set', async () => {
    const refused = await call()
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('FOREIGN_ORIGIN') })
    expect(refused?.text).toContain(`X-Forwarded-Host, or set APP_ORIGINS=${SITE}`)
    expect(refused?.text).not.toContain('app:3000')
    expect(events.all).toEqual([
      {
        type: 'origin.refused',
        origin: SITE,
        host: 'app:3000',
        hint: expect.stringContaining(`APP_ORIGINS=${SITE}`),
      },
    ])
  })

  it('refuses it too when the browser sends only the origin, as without https', async () => {
    const { 'sec-fetch-site': _, ...older } = rewritten
    const request = new Request(`${SITE}/admin`, { method: 'POST', headers: older, body: '[]' })
    expect((await guardPageRequest(request))?.status).toBe(403)
    expect(events.all).toMatchObject([{ type: 'origin.refused', origin: SITE }])
  })

  it('lets a call pass when the proxy sends the requested host', async () => {
    expect(await call({ 'x-forwarded-host': 'cache.example' })).toBeUndefined()
  })

  it('lets a call pass when APP_ORIGINS has the origin, and gives Next the host that it will compare', async () => {
    vi.stubEnv('APP_ORIGINS', `https://other.example, ${SITE}/`)
    expect(await call()).toBeUndefined()
    const headers = withOriginHost(new Headers(rewritten))
    expect(headers.get('x-forwarded-host')).toBe('cache.example')
    expect(events.all).toEqual([])
  })

  it('still refuses another scheme, another port and another site', async () => {
    vi.stubEnv('APP_ORIGINS', SITE)
    for (const origin of ['https://cache.example', `${SITE}:8080`, 'http://evil.example', 'null', 'nonsense'])
      expect(await call({ origin })).toMatchObject({ status: 403 })
    expect(await call({ 'sec-fetch-site': 'cross-site' })).toMatchObject({ status: 403 })
    expect(
      withOriginHost(new Headers({ ...rewritten, origin: 'http://evil.example' })).has('x-forwarded-host'),
    ).toBe(false)
  })

  it('logs a few of many such calls, and none from other sites', async () => {
    for (let n = 0; n < 100; n++) await call()
    expect(events.all).toHaveLength(5)
    setProcessState('refused origins', createRateLimit({ burst: 5, everyMs: 60_000 }))
    for (const site of ['cross-site', 'same-site']) await call({ 'sec-fetch-site': site })
    expect(events.all).toHaveLength(5)
  })
})

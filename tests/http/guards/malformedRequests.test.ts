import { createServer, type RequestListener, request } from 'node:http'
import { connect } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { repairRawRequests, waitForBodyAtMost } from '@/lib/http/guards/malformedRequests'
import { HOST, listenOnLoopback } from '@/local/loopback'

/** A server before which requests are mended. */
async function serve(answer: RequestListener): Promise<number> {
  repairRawRequests()
  repairRawRequests()
  const server = createServer(answer)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return listenOnLoopback(server, 0)
}

/** What a server gets to see of a request, after it was mended. */
async function mendedRequests() {
  const port = await serve(({ method, url }, response) => void response.end(`${method} ${url}`))
  return (method: string, path: string) =>
    new Promise<string>((resolve, reject) => {
      request({ host: HOST, port, method, path, agent: false }, async (response) => {
        const chunks = await response.toArray()
        resolve(Buffer.concat(chunks).toString())
      })
        .on('error', reject)
        .end()
    })
}

it('repairs requests at which Next fails, and leaves all others unchanged', async () => {
  const seen = await mendedRequests()
  const lost = '%EF%BF%BD'
  for (const [path, mended] of [
    ['/api/fields/%ff', `/api/fields/${lost}`],
    ['/api/fields/%', `/api/fields/${lost}`],
    ['/api/fields/100%/x', `/api/fields/100${lost}/x`],
    ['/%E0%A4%A?a=%ff', `/${lost}${lost}A?a=%ff`],
    ['/a%20b%2fc%C3%A9%00', '/a%20b%2fc%C3%A9%00'],
    ['/plain?a=%', '/plain?a=%'],
  ] as const)
    expect(await seen('GET', path)).toBe(`GET ${mended}`)
  expect(await seen('TRACE', '/')).toBe('PROPFIND /')
  for (const method of ['POST', 'DELETE', 'OPTIONS']) expect(await seen(method, '/')).toBe(`${method} /`)
})

it('lets files of the build only be read, however their path is encoded', async () => {
  const seen = await mendedRequests()
  const file = '/_next/static/chunks/a.js'
  for (const method of ['GET', 'HEAD'])
    expect(await seen(method, file)).toBe(method === 'GET' ? `GET ${file}` : '')
  for (const path of [file, '/_next/./static/a.js', '/x/../_next/static/a.js?a=b'])
    for (const method of ['POST', 'PUT', 'OPTIONS'])
      expect(await seen(method, path)).toBe(`${method} /api/nothing`)
  expect(await seen('POST', '/_next/statics')).toBe('POST /_next/statics')
})

it('routes requests outside the base path to the 404 of the API', async () => {
  vi.stubEnv('APP_BASE_PATH', '/shop')
  const seen = await mendedRequests()
  for (const path of ['/shop', '/shop?a=b', '/shop/', '/shop/admin', '/shop/../shop/x'])
    expect(await seen('GET', path)).toBe(`GET ${path}`)
  for (const path of ['/', '/admin', '/shopping', '/api/health', '/shop/../admin', '/SHOP', '//x/shop'])
    expect(await seen('POST', path)).toMatch(
      path === '//x/shop' ? /^POST \/\/x\/shop$/ : /^POST \/shop\/api\/nothing$/,
    )
  const ofTools = '/__nextjs_font/a.woff2'
  expect(await seen('GET', ofTools)).toBe('GET /shop/api/nothing')
  vi.stubEnv('NODE_ENV', 'development')
  expect(await seen('GET', ofTools)).toBe(`GET ${ofTools}`)
  expect(await seen('POST', '/shop/_next/static/a.js')).toBe('POST /shop/api/nothing')
})

it('answers a request with a stalled body when its time is over, although the server waits for the body', async () => {
  const ended: unknown[] = []
  const port = await serve(async (incoming, response) => {
    incoming.resume().once('error', (error) => ended.push(error))
    waitForBodyAtMost(0)
    await new Promise((resolve) => incoming.once('end', resolve))
    response.writeHead(405).end('refused')
  })
  const answered = new Promise<string>((resolve) => {
    let text = ''
    const socket = connect(port, HOST, () =>
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of'),
    )
    socket.on('data', (data) => (text += data))
    socket.on('close', () => resolve(text))
  })
  expect(await answered).toMatch(/^HTTP\/1\.1 405 [\s\S]*Connection: close[\s\S]*refused/)
  expect(ended).toEqual([])
})

it('leaves a body that arrives in time, and the connection for the next request', async () => {
  const port = await serve(async (incoming, response) => {
    waitForBodyAtMost(20_000)
    const body = Buffer.concat(await incoming.toArray())
    response.end(String(body.byteLength))
  })
  const answer = await fetch(`http://${HOST}:${port}/`, { method: 'POST', body: 'x'.repeat(200_000) })
  expect([await answer.text(), answer.headers.get('connection')]).toEqual(['200000', 'keep-alive'])
})

import { createServer, request } from 'node:http'
import { expect, it } from 'vitest'
import { mendRawRequests } from '@/lib/http/rawRequests'
import { HOST, listenOnLoopback } from '@/local/loopback'

it('makes of what Next fails at something that Next can answer, and leaves everything else alone', async () => {
  mendRawRequests()
  mendRawRequests()
  const server = createServer(({ method, url }, response) => void response.end(`${method} ${url}`))
  const port = await listenOnLoopback(server, 0)
  const seen = (method: string, path: string) =>
    new Promise<string>((resolve, reject) => {
      request({ host: HOST, port, method, path, agent: false }, async (response) => {
        const chunks = await response.toArray()
        resolve(Buffer.concat(chunks).toString())
      })
        .on('error', reject)
        .end()
    })
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
  await new Promise((resolve) => server.close(resolve))
})

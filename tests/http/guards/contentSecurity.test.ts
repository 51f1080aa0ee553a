import { readdirSync } from 'node:fs'
import { unstable_doesMiddlewareMatch } from 'next/experimental/testing/server'
import { NextRequest } from 'next/server'
import { describe, expect, it } from 'vitest'
import { config, proxy } from '@/proxy'

const asked = (path: string, basePath = '') =>
  unstable_doesMiddlewareMatch({
    config,
    url: `http://cache.example${basePath}${path}`,
    nextConfig: basePath === '' ? {} : { basePath },
  })

/** Next takes calls of Server Actions at every path that it answers with a page, the one for unknown paths included. */
describe.each(['', '/shop'])('below "%s" the proxy is asked', (basePath) => {
  it.each([
    ...['/', '/admin', '/nothing', '/apiary', '/api-docs', '/API/x', '/%61pi/x', '/healthy', '/health/x'],
    ...[
      '/icon.svg',
      '/icon.svgx',
      '/_next/image',
      '/_next/imagex',
      '/_next/static',
      '/_next',
      '/_global-error',
    ],
    ...['/admin.rsc', '/_next/data/x/admin.json', '/favicon.ico', '/.well-known/x'],
  ])('the proxy runs for %s', (path) => {
    expect(asked(path, basePath)).toBe(true)
  })

  it.each(['/api', '/api/nothing', '/api/airtable/agents', '/health', '/_next/static/chunks/a.js'])(
    'the proxy does not run for %s, which is never a page',
    (path) => {
      expect(asked(path, basePath)).toBe(false)
    },
  )
})

it('everything below /api is a route, so that none of it is a page', () => {
  const files = readdirSync('app/api', { recursive: true, encoding: 'utf8' })
  expect(files).toContain('[[...rest]]/route.ts')
  expect(files.filter((file) => /(^|\/)(page|default|not-found)\.tsx?$/.test(file))).toEqual([])
})

it('a refusal carries the id of its request, as every answer does', async () => {
  const headers = { 'x-request-id': 'r-1' }
  const refused = await proxy(new NextRequest('http://cache.example/nothing', { method: 'POST', headers }))
  expect([refused.status, refused.headers.get('x-request-id')]).toEqual([405, 'r-1'])
})

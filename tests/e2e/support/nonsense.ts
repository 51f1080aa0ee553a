/** Requests that mean nothing, or ask for what no caller may have. None of them deserves an answer with 5xx. */
import type { Visit } from './visitor'

const ADMIN = '/admin'
const action = (id: string, type: string, body: string): Visit & { path: string } => ({
  path: ADMIN,
  method: 'POST',
  headers: { 'sec-fetch-site': 'same-origin', 'next-action': id, 'content-type': type },
  body,
})
const UNKNOWN = `60${'a'.repeat(40)}`

const PATHS = [
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e%2f',
  'agents%00',
  '%00',
  '__proto__',
  'constructor',
  'toString',
  'agents%2frefresh',
  '%ff',
  '%',
  '%E0%A4%A',
  'agents%20',
  'AGENTS',
  'headcount?name=agents',
  'headcount?nxtPname=agents',
  '%F0%9F%92%A9',
  'a%0d%0aX-Injected:1',
  'agents_list',
  'field-cache-production:v1:agents_list',
  '*',
  '%2a',
  'agents;x',
  'a'.repeat(8_000),
  `${'%2e%2e%2f'.repeat(500)}x`,
  '[name]',
  '{"$ne":1}'.replaceAll('"', '%22'),
].map((name) => `/api/fields/${name}`)

const PAGES = [
  '/..%2f..%2f..%2fetc/passwd',
  '/../../etc/passwd',
  '/_next/static/..%2f..%2fBUILD_ID',
  '/_next/../package.json',
  '/.env',
  '/_next/image?url=http://127.0.0.1:1/x&w=64&q=75',
  '/_next/image?url=%2fapi%2fhealth&w=64&q=75',
  '/_next/data/x/admin.json',
  '/admin.rsc',
  '/admin?_rsc=1',
  '/%',
  '/%ff',
  '/%00',
  '/admin%2f',
  '/ADMIN',
  '//evil.example/x',
  '/\\evil.example',
  `/?${'a=b&'.repeat(3_000)}`,
  '/?__proto__[x]=1',
  '/api/airtable/agents?forceRefresh=banana%0d%0aX-Injected:%201',
  '/api/airtable/agents?forceRefresh[]=true',
  '/api/airtable/agents?forceRefresh=true&forceRefresh=false',
  '/api/metrics?%ff=%',
]

const HEADERS: Record<string, string>[] = [
  { 'x-request-id': 'a b"><script>' },
  { 'x-request-id': 'a'.repeat(8_000) },
  { 'x-vercel-id': '%0d%0aX-Injected: 1' },
  { cookie: 'field-cache-admin=%%%; __Host-field-cache-admin=\\u0000;;;=;=x; __proto__=1' },
  { cookie: `field-cache-admin=${'a'.repeat(8_000)}` },
  { cookie: Array.from({ length: 1_000 }, (_, index) => `c${index}=1`).join('; ') },
  { authorization: 'Bearer' },
  { authorization: `Bearer ${'a'.repeat(8_000)}` },
  { authorization: 'Basic YWRtaW46YWRtaW4=' },
  { 'if-none-match': '",,,*W/' },
  { 'x-forwarded-for': ',,,,' },
  { 'x-forwarded-host': 'evil.example' },
  { 'x-forwarded-proto': 'javascript' },
  { host: 'evil.example' },
  { 'x-middleware-subrequest': 'proxy:proxy:proxy:proxy:proxy' },
  { 'x-middleware-rewrite': '/admin' },
  { 'x-middleware-next': '1' },
  { 'x-nextjs-data': '1' },
  { rsc: '1', 'next-router-state-tree': 'garbage' },
  { rsc: '1', 'next-router-state-tree': '%5B%22%22%2C%7B%7D%5D', 'next-router-prefetch': '1' },
  { 'next-resume': '1' },
  { 'x-matched-path': '/admin' },
  { 'x-now-route-matches': '1=headcount' },
  { 'content-security-policy': "script-src 'nonce-'" },
  { range: 'bytes=0-10' },
  { accept: 'x'.repeat(4_000), 'accept-encoding': 'zzz', 'accept-language': '*' },
  { expect: 'zzz' },
]

const BODIES: (Visit & { path: string })[] = [
  ...[
    '{',
    '[]',
    'null',
    '{"base":{"id":1},"webhook":[],"timestamp":{}}',
    '\0\0\0',
    '{"__proto__":{"webhook":1}}',
  ].map((body) => ({
    path: '/api/webhooks/airtable',
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-airtable-content-mac': `hmac-sha256=${'0'.repeat(64)}`,
    },
    body,
  })),
  ...[
    '{{{',
    '[]',
    '{}',
    'null',
    `[${'['.repeat(5_000)}`,
    '["$1:__proto__:then"]',
    '[{"then":"$K1"}]',
    `[${'1,'.repeat(2_000)}1]`,
  ].map((body) => action(UNKNOWN, 'text/plain', body)),
  action('garbage', 'text/plain', '[]'),
  action('__proto__', 'text/plain', '[]'),
  action(UNKNOWN, 'multipart/form-data', 'nonsense'),
  action(UNKNOWN, 'multipart/form-data; boundary=x', 'nonsense'),
  action(
    UNKNOWN,
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: form-data; name="0"\r\n\r\n["$K1"]\r\n',
  ),
  action(UNKNOWN, 'application/x-www-form-urlencoded', 'a=b'),
  { path: ADMIN, method: 'POST', headers: { origin: 'nonsense' }, body: '[]' },
  {
    path: ADMIN,
    method: 'POST',
    headers: { origin: 'nonsense', 'sec-fetch-site': 'same-origin', 'next-action': UNKNOWN },
    body: '[]',
  },
  {
    path: '/',
    method: 'POST',
    headers: { 'next-action': UNKNOWN, 'content-type': 'text/plain' },
    body: '[]',
  },
  {
    path: '/api/airtable/agents/refresh',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{{{',
  },
  {
    path: '/api/airtable/agents',
    method: 'GET',
    headers: { 'content-type': 'application/json' },
    body: '{{{',
  },
]

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE']
const OFTEN = [
  '/',
  ADMIN,
  '/api/airtable/agents',
  '/api/fields/agents/refresh',
  '/api/cron/refresh',
  '/api/admin/overview',
]

export const NONSENSE: readonly (Visit & { path: string })[] = [
  ...PATHS.map((path) => ({ path })),
  ...PATHS.map((path) => ({ path: `${path.split('?')[0]}/refresh`, method: 'POST' })),
  ...PAGES.map((path) => ({ path: path.replaceAll(' ', '%20') })),
  ...HEADERS.flatMap((headers) => OFTEN.slice(0, 3).map((path) => ({ path, headers }))),
  ...METHODS.flatMap((method) => OFTEN.map((path) => ({ path, method }))),
  ...BODIES,
]

/** What no HTTP client would put together. */
export const RAW_NONSENSE = [
  'GET /api/airtable/agents?a=b\r\nX-Injected: 1 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\rX-Injected: 1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\nX-Injected: 1\r\nConnection: close\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nCookie: a=\0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /api/webhooks/airtable HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /api/webhooks/airtable HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  'GET http://evil.example/admin HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  'GET /admin HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  'NONSENSE\r\n\r\n',
  '\0\0\0\0\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: b\r\n'.repeat(5_000)}\r\n`,
  `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
]

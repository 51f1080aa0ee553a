/**
 * Requests as Node has them, before Next sees them. Next answers some with a 500, because it fails before it looks for
 * what would answer: a path that is no text once it is decoded (`%ff`), the method TRACE, a file of the build that is
 * asked for by anything but GET and HEAD. Others it answers with a page without asking the proxy: those outside of the
 * base path. Here they become what is answered properly: a path that nothing has, a method that nothing takes.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { withBasePath, withoutBasePath } from '../../config/basePath'
import { processState } from '../../shared/processState'

/** https://nodejs.org/docs/latest-v20.x/api/diagnostics_channel.html#built-in-channels */
const REQUEST_BEGINS = 'http.server.request.start'

interface RawRequest {
  request: IncomingMessage
  response: ServerResponse
}

/** Once per process. */
export function repairRawRequests(): void {
  processState('raw requests', () => {
    subscribe(REQUEST_BEGINS, (message) => {
      const raw = message as RawRequest
      mend(raw.request)
      scope().enterWith(raw)
    })
    return true
  })
}

/**
 * Stops waiting for the body of the current request once `patienceMs` are over. Next sends what the proxy answers only
 * when the whole body has come, so a body that stalls would hold the answer back until Node's `requestTimeout` (300 s).
 * The connection ends with the answer: what may still come of the body is no request.
 */
export function waitForBodyAtMost(patienceMs: number): void {
  const { request, response } = scope().getStore() ?? {}
  if (!request || !response || request.complete) return
  const timer = setTimeout(() => {
    if (request.complete || response.headersSent) return
    response.setHeader('Connection', 'close')
    // Else Node takes the end for an abort, and closes the connection before the answer.
    request.complete = true
    request.push(null)
  }, patienceMs)
  response.once('close', () => clearTimeout(timer))
}

function scope(): AsyncLocalStorage<RawRequest> {
  return processState('raw request', () => new AsyncLocalStorage<RawRequest>())
}

function mend(request: IncomingMessage): void {
  if (request.method === 'TRACE') request.method = 'PROPFIND'
  if (request.url?.includes('%')) request.url = readablePath(request.url)
  if (!canBeAnswered(request)) request.url = withBasePath('/api/nothing')
}

function canBeAnswered({ method = '', url = '/' }: IncomingMessage): boolean {
  if (!URL.canParse(url, 'http://host')) return true
  const asked = new URL(url, 'http://host').pathname
  const path = withoutBasePath(asked)
  // Next's tools of development ask for some of their files without the base path.
  if (path === undefined) return process.env.NODE_ENV === 'development' && asked.startsWith('/__nextjs_')
  return ['GET', 'HEAD'].includes(method) || !path.startsWith('/_next/static/')
}

/** What cannot be decoded becomes what a lenient decoder makes of it: the replacement character. */
function readablePath(url: string): string {
  const [path = '', ...query] = url.split(/(?=\?)/)
  const readable = path.replace(/(?:%[0-9a-f]{2})+|%/gi, (escaped) =>
    isDecodable(escaped) ? escaped : '%EF%BF%BD',
  )
  return readable + query.join('')
}

function isDecodable(escaped: string): boolean {
  try {
    decodeURIComponent(escaped)
    return true
  } catch {
    return false
  }
}

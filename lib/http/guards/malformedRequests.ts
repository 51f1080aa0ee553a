/**
 * Repairs raw requests that Next would answer with a 500 before routing: a path that does not decode to text (`%ff`), the
 * method TRACE, a method other than GET and HEAD for a file of the build. Paths outside the base path would get a page
 * without passing the proxy.
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

/** A second call does nothing. */
export function repairRawRequests(): void {
  processState('raw requests', () => {
    subscribe(REQUEST_BEGINS, (message) => {
      const raw = message as RawRequest
      repairRequest(raw.request)
      currentRequest().enterWith(raw)
    })
    return true
  })
}

/**
 * Next sends the answer of the proxy only when the whole body has arrived, so a stalled body would delay it until Node's
 * `requestTimeout` (300 s). The connection closes after the answer, because the rest of the body would be read as a new
 * request.
 */
export function waitForBodyAtMost(maxMs: number): void {
  const { request, response } = currentRequest().getStore() ?? {}
  if (!request || !response || request.complete) return
  const timer = setTimeout(() => {
    if (request.complete || response.headersSent) return
    response.setHeader('Connection', 'close')
    // Without this Node takes the end for an abort and closes the connection before the answer.
    request.complete = true
    request.push(null)
  }, maxMs)
  response.once('close', () => clearTimeout(timer))
}

function currentRequest(): AsyncLocalStorage<RawRequest> {
  return processState('raw request', () => new AsyncLocalStorage<RawRequest>())
}

function repairRequest(request: IncomingMessage): void {
  if (request.method === 'TRACE') request.method = 'PROPFIND'
  if (request.url?.includes('%')) request.url = replaceUndecodable(request.url)
  if (!isRoutable(request)) request.url = withBasePath('/api/nothing')
}

function isRoutable({ method = '', url = '/' }: IncomingMessage): boolean {
  if (!URL.canParse(url, 'http://host')) return true
  const requested = new URL(url, 'http://host').pathname
  const path = withoutBasePath(requested)
  // Next's development tools request some of their files without the base path.
  if (path === undefined) return process.env.NODE_ENV === 'development' && requested.startsWith('/__nextjs_')
  return ['GET', 'HEAD'].includes(method) || !path.startsWith('/_next/static/')
}

/** Replaces undecodable bytes by U+FFFD. */
function replaceUndecodable(url: string): string {
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

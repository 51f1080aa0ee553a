/**
 * Two kinds of requests that Next answers by a 500, because it fails before it looks for who would answer: a path that
 * is no text once it is decoded (`%ff`), and the method TRACE. Node tells of each request before Next sees it, and here
 * they become what Next can answer: the path one of the same kind that nobody has, the method one that nobody takes.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { processState } from '../core-services/cache/engine/processState'

/** https://nodejs.org/docs/latest-v20.x/api/diagnostics_channel.html#built-in-channels */
const REQUEST_BEGINS = 'http.server.request.start'

/** Once per process. */
export function mendRawRequests(): void {
  processState('raw requests', () => {
    subscribe(REQUEST_BEGINS, (message) => mend((message as { request: IncomingMessage }).request))
    return true
  })
}

function mend(request: IncomingMessage): void {
  if (request.method === 'TRACE') request.method = 'PROPFIND'
  if (request.url?.includes('%')) request.url = readablePath(request.url)
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

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MAX_BODY_BYTES } from './limits'
import type { RestAnswer, RestRequest } from './types'

async function readBody(request: IncomingMessage): Promise<{ body: Buffer; bodyBytes: number }> {
  const chunks: Buffer[] = []
  let bodyBytes = 0
  for await (const chunk of request) {
    bodyBytes += chunk.length
    // What is too much is still read to its end, because leaving the loop would close the connection unanswered.
    if (bodyBytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
  }
  return { body: Buffer.concat(chunks), bodyBytes }
}

/** The path of a request, without the query. */
export function pathOf(request: IncomingMessage): string {
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  return path
}

/** Reads a request to its end and cuts it free from node:http. */
export async function toRestRequest(request: IncomingMessage): Promise<RestRequest> {
  const path = pathOf(request)
  // Not a URL object: it would resolve the dots of an argument as if they were directories.
  const query = new URLSearchParams((request.url ?? '').slice(path.length))
  const { method = 'GET', headers } = request
  return { method, path, query, headers, ...(await readBody(request)) }
}

/** Sends an answer with a sync token of its own; returns the bytes of the body that were sent. */
export function send(request: IncomingMessage, response: ServerResponse, answer: RestAnswer): number {
  const bytes = Buffer.byteLength(answer.body)
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': bytes,
    'upstash-sync-token': randomBytes(12).toString('base64url'),
    ...answer.headers,
  })
  response.end(answer.body)
  return request.method === 'HEAD' ? 0 : bytes
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, ApiRequest } from './types'

const MAX_BODY_BYTES = 1_048_576

/** The body as text; undefined when it is larger than 1 MiB. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  let chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    // What is too much is still read to its end, because leaving the loop would close the connection unanswered.
    chunks = size > MAX_BODY_BYTES ? [] : [...chunks, chunk]
  }
  return size > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8')
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** Cuts a request free from node:http. */
export function toApiRequest(request: IncomingMessage, url: URL, body: string): ApiRequest {
  return {
    method: request.method ?? 'GET',
    path: url.pathname.split('/').slice(1).map(decodeSegment),
    query: url.searchParams,
    authorization: request.headers.authorization,
    body,
  }
}

/** Sends JSON and returns the bytes of its body. */
export function send(response: ServerResponse, { status, body }: Answer): number {
  const text = JSON.stringify(body)
  const bytes = Buffer.byteLength(text)
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes })
  response.end(text)
  return bytes
}

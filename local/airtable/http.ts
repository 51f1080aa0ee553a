import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Answer, ApiRequest } from './types'

/** The only address the server is reachable at: it has no business outside this machine. */
export const HOST = '127.0.0.1'

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

/** Binds to the port, 0 for one of the system's choice, and resolves with the port it got. */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** Stops listening and ends open connections too. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

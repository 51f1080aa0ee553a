import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished, Readable } from 'node:stream'
import { MAX_BODY_BYTES } from './errors'
import type { RestAnswer, RestRequest } from './rest'

export async function toRestRequest(incoming: IncomingMessage): Promise<RestRequest> {
  const chunks: Buffer[] = []
  let bodyBytes = 0
  for await (const chunk of incoming) {
    bodyBytes += chunk.length
    // Reads a body that is too large to its end: leaving the loop would close the connection without an answer.
    if (bodyBytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
  }
  const { method = 'GET', headers, url = '/' } = incoming
  const path = url.replace(/\?.*/s, '')
  // Not a URL object: it would resolve the dots of an argument as if they were directories.
  const query = new URLSearchParams(url.slice(path.length))
  return { method, path, query, headers, body: Buffer.concat(chunks), bodyBytes }
}

/** `count` gets the bytes of the body as they are sent. */
export function send(response: ServerResponse, answer: RestAnswer, count?: (bytes: number) => void): void {
  const { status, body } = answer
  const token = { 'upstash-sync-token': randomBytes(12).toString('base64url') }
  if (!(body instanceof Readable)) {
    const type = typeof body === 'string' ? 'application/json' : 'application/octet-stream'
    const length = Buffer.byteLength(body)
    const headers = { 'content-type': type, 'content-length': length, ...token, ...answer.headers }
    response.writeHead(status, headers).end(body)
    count?.(response.req.method === 'HEAD' ? 0 : length)
    return
  }
  response.writeHead(status, { 'content-type': 'text/event-stream', ...token }).flushHeaders()
  body.on('data', (parts: string[]) => {
    const event = `data: ${parts.join().replaceAll('\n', '\ndata: ')}\n\n`
    response.write(event)
    count?.(Buffer.byteLength(event))
  })
  // Ends the other side when one side ends.
  body.once('close', () => response.end())
  finished(response, () => body.destroy())
}

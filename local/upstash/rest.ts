import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'

export interface RestRequest {
  readonly method: string
  /** Still percent-encoded, so that an encoded slash stays part of its argument. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Empty when `bodyBytes` is over the limit. */
  readonly body: Buffer
  readonly bodyBytes: number
}

export interface RestAnswer {
  readonly status: number
  /** Each chunk of a stream is an event: the parts of one reply. */
  readonly body: string | Buffer | Readable
  readonly headers?: Readonly<Record<string, string>>
}

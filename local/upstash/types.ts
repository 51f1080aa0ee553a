import type { IncomingHttpHeaders } from 'node:http'

/** One argument as it goes to the engine; bytes only where a request body is the argument itself. */
export type Argument = string | Buffer

/** A command's name and its arguments. */
export type Command = readonly [string, ...Argument[]]

/** What went wrong, in the engine's or the vendor's words: `ERR …`, `WRONGTYPE …`. */
export interface CommandError {
  readonly error: string
}

/** What an engine answers, strings as bytes. */
export type Reply = null | number | Buffer | CommandError | readonly Reply[]

/** How one command ended. */
export type Outcome = { readonly result: Reply } | CommandError

/** True for what a failed command leaves, alone or inside another reply. */
export function isError(value: unknown): value is CommandError {
  return typeof value === 'object' && value !== null && 'error' in value
}

/** A request cut free from node:http. */
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
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers one request; whatever should go wrong on purpose is a function around one of these. */
export type RestHandler = (request: RestRequest) => Promise<RestAnswer>

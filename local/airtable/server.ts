/**
 * A server on 127.0.0.1 that answers like Airtable's Web API, for running and testing without an account.
 *
 * It does: list records (GET and POST …/listRecords) with paging, view, fields, sort, maxRecords; one record; PATCH of
 * one record; the bearer key; the three error shapes; five requests a second per base, then 30 s of refusal.
 *
 * Its limits: one base; everything in memory; fields by name only; no filterByFormula, cellFormat=string,
 * returnFieldsByFieldId, create, delete, webhooks, metadata or attachments (unknown list parameters are answered 422,
 * unknown paths 404); offsets do not expire with time; PATCH takes any value without checking the field's type; sort
 * compares text without regard to case and accents; the limit of 50 requests a second per user is not kept. Where the
 * vendor's documents are silent (empty parameters, whether a refusal lengthens the penalty, some error texts) the
 * choice is this server's.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { closeServer, HOST, listenOnLoopback } from '../loopback'
import { createApi, type Handler, matchRoute } from './api'
import { type AirtableCounters, count, createCounters, resetCounters } from './counters'
import { bodyTooLarge, serverError } from './errors'
import { readBody, send, toApiRequest } from './http'
import { withLatency } from './latency'
import type { Clock } from './rateLimit'
import type { TableData } from './types'

/** The base the server answers for unless it is told another. */
export const LOCAL_BASE_ID = 'appLocalPeople001'

/** Where the counters are read (GET) and set back to zero (DELETE), without a key and without being counted. */
export const STATS_PATH = '/__local/stats'

export interface AirtableServerOptions {
  readonly apiKey: string
  readonly tables: readonly TableData[]
  /** 0, the default, lets the system choose. */
  readonly port?: number
  readonly baseId?: string
  /** How long an answer takes, in milliseconds, give or take a quarter; default 0. */
  readonly latencyMs?: number
  /** What the rate limit counts by; default the process's monotonic clock. */
  readonly clock?: Clock
}

export interface AirtableServer {
  /** What AIRTABLE_ENDPOINT_URL takes: no path, no trailing slash. */
  readonly url: string
  readonly port: number
  readonly apiKey: string
  readonly baseId: string
  readonly counters: Readonly<AirtableCounters>
  resetCounters(): void
  /** Ends open connections too. */
  close(): Promise<void>
}

function answerStats(method: string | undefined, response: ServerResponse, counters: AirtableCounters): void {
  if (method === 'DELETE') resetCounters(counters)
  const known = method === 'GET' || method === 'DELETE'
  send(response, known ? { status: 200, body: counters } : { status: 405, body: { error: 'NOT_ALLOWED' } })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handler: Handler,
  counters: AirtableCounters,
): Promise<void> {
  const url = new URL(`http://${HOST}${request.url}`)
  if (url.pathname === STATS_PATH) return answerStats(request.method, response, counters)
  const body = await readBody(request)
  const apiRequest = toApiRequest(request, url, body ?? '')
  const result = body === undefined ? bodyTooLarge() : await handler(apiRequest)
  count(counters, matchRoute(apiRequest)?.kind ?? 'unknown', result.status, send(response, result))
}

/** Starts the server; rejects with the system's error (`code: 'EADDRINUSE'`) when the port is taken. */
export async function startAirtableServer(options: AirtableServerOptions): Promise<AirtableServer> {
  const { apiKey, tables, baseId = LOCAL_BASE_ID, clock = () => performance.now() } = options
  const counters = createCounters()
  // Every API request passes through this one function, so whatever should go wrong on purpose is wrapped around it.
  const handler = withLatency(createApi({ baseId, apiKey, tables, clock }), options.latencyMs ?? 0)
  const server = createServer((request, response) => {
    answer(request, response, handler, counters).catch((error: unknown) => {
      // A client that hangs up while it sends its body is no fault of ours.
      if (request.destroyed && !request.complete) return
      console.error('local Airtable server:', error)
      if (response.headersSent) response.destroy()
      else send(response, serverError())
    })
  })
  // Longer than clients keep an idle connection, so that none is closed under a request.
  server.keepAliveTimeout = 65_000
  const port = await listenOnLoopback(server, options.port ?? 0)
  return {
    url: `http://${HOST}:${port}`,
    port,
    apiKey,
    baseId,
    counters,
    resetCounters: () => resetCounters(counters),
    close: () => closeServer(server),
  }
}

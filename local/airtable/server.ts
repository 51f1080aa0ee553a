/**
 * A server on 127.0.0.1 that answers like Airtable's Web API, for running and testing without an account.
 *
 * What it supports: list records (GET and POST …/listRecords) with paging, view, fields, sort, maxRecords and a formula that
 * picks records by id; one record; create, update, replace and delete, one record or up to ten; the schema of the base;
 * the bearer key; the three error shapes; five requests a second per base, then 30 s of refusal; faults on demand
 * (../faults.ts; `billing`, the spent monthly quota, `iterator-gone` and `forbidden` are this vendor's).
 *
 * Webhooks: create, list, delete, refresh, enableNotifications, list payloads, in the same rate limit. Each write makes
 * payloads of format v0, with choices and links as objects, for a base, a table or a view, with the filters dataTypes,
 * recordChangeScope, changeTypes, fromSources and watchDataInFieldIds and all includes. Pings carry a real MAC, wait
 * 25 s for an answer, are sent again 13 times within a day, and then notifications are off. A webhook ends 7 days after
 * it was created, refreshed or asked for payloads, and is forgotten 7 days later; payloads are kept for 7 days.
 * Attachments have another URL in each answer, valid for two hours. Rare events can be made to happen (./controls.ts):
 * split, lost and error payloads, pings twice, late or never, reads that lag, an early end.
 *
 * Its limits:
 * - One base, in memory, with the fields it starts with. No comments, upserts, cellFormat=string or changes of the
 *   schema: unknown parameters are answered 422, other addresses 403 or 404. Payloads of a changed schema come on
 *   demand only. No sourceOptions, no roles and scopes, no thumbnails; lookups and collaborators are returned as stored.
 * - filterByFormula is `RECORD_ID()='rec…'`, alone or in `OR(…)`. sort compares text without regard to case and accents.
 * - Values are stored as they come, with typecast or without; the schema contains types without their options.
 * - Of later pages only offset, pageSize and fields count. No limit of 50 requests a second per user.
 * - Where the vendor's documents are silent the choice is this server's: an offset ends after 5 minutes without use,
 *   reading the schema counts among the five a second, a refusal does not lengthen the penalty, empty parameters
 *   count as not given, the texts of 400, 413 and 500. Of webhooks: what a cursor before the oldest payload is answered,
 *   an emptied cell in a payload (null), a record that enters a view (with all its cells), that created and deleted
 *   records pass watchDataInFieldIds, that switching notifications on sends no ping, and the types of their refusals
 *   (TOO_MANY_WEBHOOKS_IN_BASE has been seen). The vendor takes https notification URLs only, this server http too.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { createFaultInjector, FAULTS_PATH, type Faults } from '../faults'
import { closeServer, HOST, listenOnLoopback } from '../loopback'
import { matchRoute } from './api'
import { answerControl, type Controls } from './controls'
import { type AirtableFault, type Answer, FAULT_ANSWERS } from './errors'
import type { Clock } from './rateLimit'
import { createBase } from './tables/base'
import type { TableData } from './tables/table'
import type { Wait } from './webhooks/pings'

/** GET reads the counters, DELETE resets them. Needs no key, and is not counted. */
export const STATS_PATH = '/__local/stats'
/** Settings (GET, POST, DELETE resets them) and actions (POST). Needs no key, and is not counted. */
export const CONTROLS_PATH = '/__local/controls'
/** For development. `latencyMs`: about that of the real API. */
export const DEVELOPMENT = { port: 8078, latencyMs: 200 }

export interface AirtableServerOptions {
  readonly apiKey: string
  readonly baseId: string
  readonly tables: readonly TableData[]
  /**
   * 0 lets the system choose.
   * @default 0
   */
  readonly port?: number
  /**
   * How long an answer takes, in ms, plus or minus a quarter.
   * @default 0
   */
  readonly latencyMs?: number
  /**
   * The clock of all limits, ages and expiries.
   * @default the monotonic clock of the process
   */
  readonly clock?: Clock
  /**
   * Waits before a ping is sent again.
   * @default a timer
   */
  readonly wait?: Wait
}

export interface AirtableServer extends Pick<AirtableServerOptions, 'apiKey' | 'baseId'> {
  /** The value for AIRTABLE_ENDPOINT_URL: no path, no trailing slash. */
  readonly url: string
  readonly port: number
  readonly counters: Readonly<AirtableCounters>
  readonly faults: Faults<AirtableFault>
  readonly controls: Controls
  resetCounters(): void
  /** How many answers have not ended. A stalled one ends with its connection. */
  openAnswers(): number
  close(): Promise<void>
}

type AirtableCounters = ReturnType<typeof createCounters>
const createCounters = () => ({
  requests: 0,
  refusals: 0,
  bytesIn: 0,
  bytesOut: 0,
  /** By route, as in ROUTES or `unknown`, and by status. */
  byKind: {} as Record<string, number>,
  byStatus: {} as Record<string, number>,
})

function send(response: ServerResponse, { status, body }: Answer): number {
  const [type, text] =
    typeof body === 'string'
      ? ['text/html', body]
      : ['application/json; charset=utf-8', body === undefined ? '' : JSON.stringify(body)]
  const bytes = Buffer.byteLength(text)
  response.writeHead(status, { 'content-type': type, 'content-length': bytes }).end(text)
  return bytes
}

/** Rejects with the system's error (`code: 'EADDRINUSE'`) when the port is taken. */
export async function startAirtableServer(options: AirtableServerOptions): Promise<AirtableServer> {
  const { apiKey, baseId, latencyMs = 0, clock = () => performance.now() } = options
  let origin = ''
  const base = createBase({ ...options, clock }, () => origin)
  const counters = createCounters()
  // In place, because callers hold this object.
  const resetCounters = () => void Object.assign(counters, createCounters())

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', headers } = incoming
    const url = new URL(`http://${HOST}${incoming.url}`)
    if (url.pathname === FAULTS_PATH) return injector.control(incoming, response)
    if (url.pathname === STATS_PATH) {
      if (method === 'DELETE') resetCounters()
      send(response, { status: 200, body: counters })
      return
    }
    if (url.pathname === CONTROLS_PATH) {
      send(response, answerControl(base.controls, method, (await buffer(incoming)).toString()))
      return
    }
    const attachment = base.serveAttachment(url.pathname)
    if (attachment !== undefined) {
      send(response, attachment)
      return
    }
    const request = { method, url, authorization: headers.authorization, body: await buffer(incoming) }
    counters.requests += 1
    counters.bytesIn += request.body.length
    const kind = matchRoute(request)?.kind ?? 'unknown'
    counters.byKind[kind] = (counters.byKind[kind] ?? 0) + 1
    const line = () => `${method} ${incoming.url} ${request.body}`
    const answer = await injector.answer(response, line, async () => {
      // Runs on arrival and delays the answer, so that a slow answer can be outdated when it arrives.
      const result = base.perform(request)
      if (latencyMs > 0) await delay(latencyMs * (0.75 + Math.random() / 2))
      return result
    })
    if (answer === undefined) return
    counters.byStatus[answer.status] = (counters.byStatus[answer.status] ?? 0) + 1
    if (answer.status === 429) counters.refusals += 1
    counters.bytesOut += send(response, answer)
  }
  const server = createServer((incoming, response) => {
    // Only reading the request can fail, when the client has closed the connection.
    serve(incoming, response).catch(() => response.destroy())
  })
  const injector = createFaultInjector<Answer, AirtableFault>(server, FAULT_ANSWERS)
  let openAnswers = 0
  server.on('request', (_, response) => {
    openAnswers += 1
    response.once('close', () => {
      openAnswers -= 1
    })
  })
  // Longer than clients keep an idle connection, so that none is closed during a request.
  server.keepAliveTimeout = 65_000
  const port = await listenOnLoopback(server, options.port ?? 0)
  origin = `http://${HOST}:${port}`
  const { faults, dispose } = injector
  const { controls } = base
  const close = (): Promise<void> => {
    dispose()
    base.close()
    return closeServer(server)
  }
  return {
    url: origin,
    port,
    apiKey,
    baseId,
    counters,
    faults,
    controls,
    resetCounters,
    openAnswers: () => openAnswers,
    close,
  }
}

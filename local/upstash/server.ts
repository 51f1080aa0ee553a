/**
 * A server on 127.0.0.1 that speaks Upstash's REST protocol in front of any Redis, for running and testing without an
 * account or a container.
 *
 * It does: a command as JSON or as a path, /pipeline, /multi-exec, bearer and `_token` on every path, base64 answers, a
 * new sync token with every answer, the vendor's error texts and size limit, and scripts that carry the vendor's
 * `allow-key-locking` flag, which stock engines refuse.
 *
 * Its limits:
 * - No SSE (/subscribe, /psubscribe, /monitor), no RESP2 answers, no read-only or ACL tokens, no TLS.
 * - The commands are the engine's: IFEQ, DELEX, JSON.* and the like exist only if it has them, and the texts of its
 *   errors are its own. CONFIG and what needs a connection of its own (blocking, WATCH, SELECT) is refused. FUNCTION
 *   LOAD passes through as it is.
 * - The sync token is never looked at: one engine always reads its own writes.
 * - Of the vendor's limits only the size of bodies is kept, counted on the HTTP body as sent. No quota, no limit on
 *   keys (32 KB), records or storage, no throttling. A path and its headers end at 16 KiB, which is Node's limit.
 * - Numbers reach the engine as JavaScript prints them (`1.0` as `1`); integers beyond 2^53 come back rounded.
 * - While the engine is down requests are answered 503 at once. One that hangs keeps its requests waiting.
 * - Where the vendor's documents are silent (statuses of size errors, texts for malformed bodies) the choice is ours.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { closeServer, HOST, listenOnLoopback } from '../loopback'
import { createApi, fail } from './api'
import { connectBackend, ENGINE_UNREACHABLE } from './backend'
import { countExchange, createCounters, resetCounters, type UpstashCounters } from './counters'
import { createExecutor } from './executor'
import { pathOf, send, toRestRequest } from './http'
import { createScriptTranslation } from './scripts'
import { answerStats, isStatsPath } from './stats'
import type { RestAnswer, RestHandler, RestRequest } from './types'

export type { UpstashCounters } from './counters'
export { STATS_PATH } from './stats'

export interface UpstashServerOptions {
  /** The engine behind, `redis://…`; it need not be there yet. */
  readonly redisUrl: string
  /** What callers must present; not empty. */
  readonly token: string
  /** 0, the default, lets the system choose. */
  readonly port?: number
}

export interface UpstashServer {
  /** What UPSTASH_REDIS_REST_URL takes: no path, no trailing slash. */
  readonly url: string
  readonly port: number
  readonly token: string
  readonly counters: Readonly<UpstashCounters>
  resetCounters(): void
  /** Resolves once the engine is reached, for whoever has just brought it back. */
  engineConnected(): Promise<void>
  /** Ends open connections too; the engine is left running. */
  close(): Promise<void>
}

/** Runs the handler; what it throws becomes an answer, as a failing engine is no reason to drop a connection. */
async function answerSafely(handler: RestHandler, request: RestRequest): Promise<RestAnswer> {
  try {
    return await handler(request)
  } catch (error) {
    const known = error instanceof Error && 'code' in error && error.code === ENGINE_UNREACHABLE
    if (!known) console.error('local Upstash server:', error)
    return known
      ? fail(503, `ERR ${error.message}`)
      : fail(500, 'ERR the local server failed; see its output')
  }
}

/** Starts the server; rejects with the system's error (`code: 'EADDRINUSE'`) when the port is taken. */
export async function startUpstashServer(options: UpstashServerOptions): Promise<UpstashServer> {
  const { redisUrl, token, port: wantedPort = 0 } = options
  if (token === '') throw new Error('the Upstash server needs a token')
  const counters = createCounters()
  const reset = (): void => resetCounters(counters)
  const backend = await connectBackend(redisUrl)
  const translate = createScriptTranslation(() => backend.shebangSupport())
  // Every API request passes through this one function, so whatever should go wrong on purpose is wrapped around it.
  const handler = createApi({ token, executor: createExecutor(backend, translate, counters) })

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = pathOf(incoming)
    if (isStatsPath(path)) {
      send(incoming, response, answerStats(incoming.method, path, counters, reset))
      return
    }
    const request = await toRestRequest(incoming)
    const answer = await answerSafely(handler, request)
    const bytesOut = send(incoming, response, answer)
    countExchange(counters, { status: answer.status, bytesIn: request.bodyBytes, bytesOut })
  }
  const server = createServer((incoming, response) => {
    // All that is left to fail is reading the request of a client that hung up.
    serve(incoming, response).catch(() => response.destroy())
  })
  // Longer than clients keep an idle connection, so that none is closed under a request.
  server.keepAliveTimeout = 65_000

  const port = await listenOnLoopback(server, wantedPort).catch((error: unknown) => {
    backend.close()
    throw error
  })
  const close = async (): Promise<void> => {
    await closeServer(server)
    backend.close()
  }
  return {
    url: `http://${HOST}:${port}`,
    port,
    token,
    counters,
    resetCounters: reset,
    engineConnected: () => backend.connected(),
    close,
  }
}

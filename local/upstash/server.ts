/**
 * A server on 127.0.0.1 that speaks Upstash's REST protocol in front of any Redis, for running and testing without an
 * account or a container.
 *
 * What it supports: a command as JSON or as a path, /pipeline, /multi-exec, /subscribe, /psubscribe and /monitor as server-sent
 * events, bearer and `_token` on every path, a read-only token, base64 and RESP2 answers, a new sync token with every
 * answer, the vendor's error texts and limits on the sizes of bodies and keys, scripts that carry the vendor's
 * `allow-key-locking` flag, which stock engines refuse, and faults on demand (../faults.ts; `quota` is its own).
 *
 * Its limits:
 * - The commands are the engine's: IFEQ, DELEX, JSON.* and the like work only if it has them, and error texts are
 *   those of the engine. CONFIG and commands that need a connection of their own (blocking, WATCH, SELECT) are refused.
 * - No ACL tokens, no TLS. The sync token is ignored: one engine always reads its own writes.
 * - No limits on records, storage, rate or (except by the fault) quota. Keys inside scripts may have any size. Bodies are
 *   measured as HTTP carries them. A path and its headers end at 16 KiB, which is Node's limit.
 * - Numbers reach the engine as JavaScript prints them (`1.0` as `1`); integers beyond 2^53 come back rounded.
 * - While the engine is down requests are answered 503 at once. One that hangs keeps its requests waiting.
 * - Where the vendor's documents are silent the choice is this server's: statuses of size errors, texts for malformed bodies, a
 *   pipeline in RESP2 (its replies in a row), messages of several lines (several `data:` lines, as the standard says),
 *   patterns with a `?` (it begins the query unless encoded), which reads the read-only token permits, 429 and 500.
 */
import { connectEngine, ENGINE_UNREACHABLE } from '../engine/connection'
import { type LocalServer, startLocalServer } from '../localServer'
import { type Api, createApi } from './api'
import { type UpstashCounters, zero } from './counters'
import { FAULT_ANSWERS, fail, isRefusal } from './errors'
import { createExecutor } from './executor'
import { send, toRestRequest } from './http'
import type { RestAnswer } from './rest'

export { STATS_PATH } from '../localServer'

/** Not 8080, which too many other programs take. */
export const LOCAL_PORT = 8079

export interface UpstashServerOptions {
  /** The URL of the engine, `redis://…`. It need not run yet. */
  readonly redisUrl: string
  /** The token that callers must send; not empty. */
  readonly token: string
  /**
   * The token for callers that may only read.
   * @default none
   */
  readonly readOnlyToken?: string
  /**
   * 0 lets the system choose.
   * @default 0
   */
  readonly port?: number
}

/** `url`: the value for UPSTASH_REDIS_REST_URL. `close` leaves the engine running. */
export interface UpstashServer extends LocalServer<UpstashCounters, 'quota'> {
  readonly token: string
  /** Resolves once the engine answers, for use after it was restarted. */
  engineConnected(): Promise<void>
}

/** A failing engine must not cut the connection. */
async function answerSafely(api: Api, ...request: Parameters<Api>): Promise<RestAnswer> {
  try {
    return await api(...request)
  } catch (error) {
    if (isRefusal(error)) return fail(400, error.message)
    if (error instanceof Error && 'code' in error && error.code === ENGINE_UNREACHABLE) {
      return fail(503, `ERR ${error.message}`)
    }
    console.error('local Upstash server:', error)
    return fail(500, 'ERR the local server failed; see its output')
  }
}

/** Rejects with the system's error (`code: 'EADDRINUSE'`) when the port is taken. */
export async function startUpstashServer(options: UpstashServerOptions): Promise<UpstashServer> {
  const { redisUrl, token, readOnlyToken, port = 0 } = options
  if (token === '') throw new Error('the Upstash server needs a token')
  const counters = zero()
  const engine = await connectEngine(redisUrl)
  const api = createApi(createExecutor(engine, counters), token, readOnlyToken || token)
  const server = await startLocalServer<UpstashCounters, RestAnswer, never, 'quota'>({
    port,
    counters,
    zero,
    faultAnswers: FAULT_ANSWERS,
    handledFaults: ['quota'],
    serve: async (incoming, response, answerUnderFaults) => {
      const request = await toRestRequest(incoming)
      counters.requests += 1
      counters.bytesIn += request.bodyBytes
      const text = (): string => `${request.method} ${incoming.url} ${request.body}`
      const answer = await answerUnderFaults(response, text, (fault) => answerSafely(api, request, fault))
      if (answer === undefined) return
      if (answer.status >= 400 && answer.status < 500) counters.refusals += 1
      send(response, answer, (bytes) => {
        counters.bytesOut += bytes
      })
    },
  }).catch((error: unknown) => {
    engine.close()
    throw error
  })
  return {
    ...server,
    token,
    engineConnected: () => engine.connected(),
    close: async () => {
      await server.close()
      engine.close()
    },
  }
}

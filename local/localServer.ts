/** Builds local servers: loopback only, counters and faults under `/__local/`, an orderly end. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AnswerKind, createFaultInjector, FAULTS_PATH, type FaultInjector, type Faults } from './faults'
import { closeServer, HOST, listenOnLoopback } from './loopback'

/** GET reads the counters, DELETE or POST to …/reset resets them. Needs no token, and is not counted. */
export const STATS_PATH = '/__local/stats'

export interface LocalServerOptions<
  Counters extends object,
  Answer,
  Own extends string,
  Handled extends string,
> {
  /** 0 lets the system choose. */
  readonly port: number
  readonly counters: Counters
  /** Returns the values to which the counters are reset. */
  readonly zero: () => Counters
  readonly faultAnswers: Readonly<Record<AnswerKind | Own, Answer>>
  /**
   * The kinds of faults that `serve` causes itself.
   * @default []
   */
  readonly handledFaults?: readonly Handled[]
  /** Answers requests outside `/__local/`. When it rejects, the connection is cut. */
  readonly serve: (
    incoming: IncomingMessage,
    response: ServerResponse,
    answer: FaultInjector<Answer, Own, Handled>['answer'],
  ) => Promise<void>
}

export interface LocalServer<Counters, Kinds extends string> {
  readonly url: string
  readonly port: number
  readonly counters: Readonly<Counters>
  readonly faults: Faults<Kinds>
  resetCounters(): void
  close(): Promise<void>
}

/** Rejects with the system's error (`code: 'EADDRINUSE'`) when the port is taken. */
export async function startLocalServer<
  Counters extends object,
  Answer,
  Own extends string = never,
  Handled extends string = never,
>(
  options: LocalServerOptions<Counters, Answer, Own, Handled>,
): Promise<LocalServer<Counters, Own | Handled>> {
  const { counters, zero, serve } = options
  // In place, because callers hold this object.
  const resetCounters = (): void => {
    Object.assign(counters, zero())
  }

  const answerStats = ({ method }: IncomingMessage, path: string, response: ServerResponse): void => {
    const resets = method === (path === STATS_PATH ? 'DELETE' : 'POST')
    if (resets) resetCounters()
    const known = resets || (path === STATS_PATH && method === 'GET')
    response.writeHead(known ? 200 : 405, { 'content-type': 'application/json' })
    response.end(JSON.stringify(known ? counters : { error: 'method not allowed' }))
  }
  const route = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = ''] = (incoming.url ?? '').split('?', 1)
    if (path === FAULTS_PATH) await injector.control(incoming, response)
    else if (path === STATS_PATH || path === `${STATS_PATH}/reset`) answerStats(incoming, path, response)
    else await serve(incoming, response, injector.answer)
  }
  const server = createServer((incoming, response) => {
    route(incoming, response).catch((error: unknown) => {
      if (incoming.complete) console.error('local server:', error)
      response.destroy()
    })
  })
  const injector = createFaultInjector<Answer, Own, Handled>(
    server,
    options.faultAnswers,
    options.handledFaults,
  )
  // Longer than clients keep an idle connection, so that none is closed during a request.
  server.keepAliveTimeout = 65_000
  const port = await listenOnLoopback(server, options.port)
  return {
    url: `http://${HOST}:${port}`,
    port,
    counters,
    faults: injector.faults,
    resetCounters,
    close: () => {
      injector.dispose()
      return closeServer(server)
    },
  }
}

/** One fault is active at a time. It hits the next `times` requests that it matches, or all until it is cleared. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { listenOnLoopback } from './loopback'

/** GET reads the active fault, POST sets it, DELETE clears it. Needs no token, and is not counted. */
export const FAULTS_PATH = '/__local/faults'

const DEFAULT_SLOW_MS = 1_000

/**
 * Faults of the connection:
 * - `refuse`: the port is closed and open connections are cut, so that new ones get ECONNREFUSED. It takes neither
 *   `times` nor `match`. It ends after `ms`, or when the process of the server sets or clears a fault. Over HTTP `ms` is
 *   required, since the closed port could not be reached to clear it.
 * - `reset`: the connection is reset before the request has any effect.
 * - `hang`: the request has no effect and is never answered, even after the fault is cleared.
 * - `stall`: the request takes effect; its answer stops for good after the headers and a part of the body.
 * - `endless`: the request takes effect; its answer goes on as fast as it is read, until the reader hangs up.
 * - `slow`: the request takes effect; its answer comes `ms` later (default 1,000).
 * - `lost-reply`: the request takes effect, then the connection is reset.
 */
const WIRE_KINDS = ['refuse', 'reset', 'hang', 'stall', 'endless', 'slow', 'lost-reply'] as const

/**
 * Faults that are answers in the vendor's words, without any effect: 401, 429, 500, an HTML 502, a 200 that is not JSON, a
 * 200 with JSON of an unexpected shape.
 */
export type AnswerKind = 'unauthorized' | 'rate-limit' | 'error' | 'bad-gateway' | 'garbage' | 'wrong-shape'

export type FaultKind<Own extends string = never> = (typeof WIRE_KINDS)[number] | AnswerKind | Own

export interface Fault<Own extends string = never> {
  readonly kind: FaultKind<Own>
  /**
   * How many requests it hits, at least 1.
   * @default all until it is cleared
   */
  readonly times?: number
  /**
   * In ms, for `slow` and `refuse` only.
   * @default 1_000 for `slow`, no end for `refuse`
   */
  readonly ms?: number
  /**
   * A regular expression, case ignored. It hits only requests whose `METHOD /path?query body` matches.
   * @default every request
   */
  readonly match?: string
}

export interface Faults<Own extends string = never> {
  /** The active fault, with the remaining `times`. */
  readonly active: Fault<Own> | undefined
  /** Replaces the active fault. Rejects an invalid one with a one-line error. */
  set(fault: Fault<Own>): Promise<void>
  clear(): Promise<void>
}

/** `Handled`: the kinds that the server causes itself. */
export interface FaultInjector<Answer, Own extends string, Handled extends string = never> {
  readonly faults: Faults<Own | Handled>
  /**
   * Resolves with the answer to send: that of `run`, or of a fault. Undefined when nothing must be sent, because the
   * connection is cut or hangs. `request`: returns the text that `match` is tested against.
   */
  answer(
    response: ServerResponse,
    request: () => string,
    run: (handled?: Handled) => Promise<Answer>,
  ): Promise<Answer | undefined>
  control(incoming: IncomingMessage, response: ServerResponse): Promise<void>
  /** Call it before closing the server, so that a `refuse` fault does not open the port again. */
  dispose(): void
}

/** Sends white space, with which JSON may begin, until the reader hangs up. */
function sendEndlessly(response: ServerResponse): void {
  const chunk = Buffer.alloc(65_536, ' ')
  const more = (): void => {
    while (response.write(chunk));
  }
  response.on('drain', more)
  more()
}

function createGate(server: Server) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  let port: number | undefined
  return {
    open: async (): Promise<void> => {
      if (port === undefined) return
      const closed = port
      port = undefined
      await listenOnLoopback(server, closed).catch((error: unknown) => {
        port = closed
        throw error
      })
    },
    /** Does not cut `spared`, the connection over which the fault was set. */
    close: async (spared?: Socket): Promise<void> => {
      const { port: bound } = server.address() as AddressInfo
      port = bound
      server.close()
      const cut = [...sockets].filter((socket) => socket !== spared)
      await Promise.all(
        cut.map((socket) => new Promise((resolve) => socket.once('close', resolve).destroy())),
      )
      // A client in this same process learns in the next turn that its idle connections are gone.
      await nextTurn()
    },
    stayClosed: (): void => {
      port = undefined
    },
  }
}

/** Throws a one-line error for an invalid fault. `kinds`: those of the server. */
function checkFault<Own extends string>(value: unknown, kinds: readonly string[]): Fault<Own> {
  const { kind, times, ms, match, ...rest } = Object(value) as Record<string, unknown>
  const demand = (holds: boolean, message: string): void => {
    if (!holds) throw new Error(message)
  }
  const [unknown] = Object.keys(rest)
  demand(kinds.includes(String(kind)), `kind is ${JSON.stringify(kind)}; expected one of ${kinds.join(', ')}`)
  demand(unknown === undefined, `${unknown} is unknown; a fault has kind, times, ms and match`)
  demand(times === undefined || (Number.isInteger(times) && Number(times) > 0), 'times must be 1 or more')
  demand(ms === undefined || (typeof ms === 'number' && ms >= 0), 'ms must be a number of milliseconds')
  demand(ms === undefined || kind === 'slow' || kind === 'refuse', 'ms is for slow and refuse only')
  demand(match === undefined || typeof match === 'string', 'match must be a regular expression as text')
  demand(kind !== 'refuse' || (times ?? match) === undefined, 'refuse takes neither times nor match')
  if (typeof match === 'string') RegExp(match)
  return { ...(value as Fault<Own>) }
}

/** Call it before the server listens. `answers`: the vendor's answers, by kind. */
export function createFaultInjector<Answer, Own extends string = never, Handled extends string = never>(
  server: Server,
  answers: Readonly<Record<AnswerKind | Own, Answer>>,
  handled: readonly Handled[] = [],
): FaultInjector<Answer, Own, Handled> {
  const kinds = [...WIRE_KINDS, ...handled, ...Object.keys(answers)]
  const ownAnswers: Readonly<Record<string, Answer>> = answers
  const gate = createGate(server)
  let active: Fault<Own | Handled> | undefined
  let timer: NodeJS.Timeout | undefined

  const replace = async (next: Fault<Own | Handled> | undefined, spared?: Socket): Promise<void> => {
    clearTimeout(timer)
    await gate.open()
    active = next
    if (next?.kind !== 'refuse') return
    await gate.close(spared)
    if (next.ms === undefined) return
    timer = setTimeout(() => {
      replace(undefined).catch((error: unknown) => console.error('after a refuse fault:', error))
    }, next.ms)
  }
  const take = (request: () => string): Fault<Own | Handled> | undefined => {
    const fault = active
    if (fault === undefined) return undefined
    if (fault.match !== undefined && !RegExp(fault.match, 'i').test(request())) return undefined
    if (fault.times !== undefined) active = fault.times > 1 ? { ...fault, times: fault.times - 1 } : undefined
    return fault
  }
  const currentFault = (): Fault<Own | Handled> | undefined => active

  return {
    faults: {
      get active() {
        return currentFault()
      },
      set: async (fault) => replace(checkFault(fault, kinds)),
      clear: () => replace(undefined),
    },
    answer: async (response, request, run) => {
      const fault = take(request)
      if (fault === undefined) return run()
      switch (fault.kind) {
        case 'refuse':
          return run()
        case 'hang':
          return undefined
        case 'reset':
          response.socket?.resetAndDestroy()
          return undefined
        case 'lost-reply':
          await run()
          response.socket?.resetAndDestroy()
          return undefined
        case 'stall':
          await run()
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1024 }).write('{"')
          return undefined
        case 'endless':
          await run()
          sendEndlessly(response.writeHead(200, { 'content-type': 'application/json' }))
          return undefined
        case 'slow': {
          const answer = await run()
          await delay(fault.ms ?? DEFAULT_SLOW_MS, undefined, { ref: false })
          return answer
        }
        default:
          return ownAnswers[fault.kind] ?? run(fault.kind as Handled)
      }
    },
    control: async (incoming, response) => {
      const reply = (status: number, body: unknown): void => {
        // Not kept alive, because this connection must end with a `refuse`.
        const headers = { 'content-type': 'application/json', connection: 'close' }
        response.writeHead(status, headers).end(JSON.stringify(body))
      }
      try {
        if (incoming.method === 'POST') {
          const fault = checkFault<Own | Handled>(await json(incoming), kinds)
          if (fault.kind === 'refuse' && fault.ms === undefined) throw new Error('refuse needs ms over HTTP')
          await replace(fault, incoming.socket)
        } else if (incoming.method === 'DELETE') {
          await replace(undefined)
        } else if (incoming.method !== 'GET') {
          reply(405, { error: 'method not allowed' })
          return
        }
        reply(200, { active: active ?? null })
      } catch (error) {
        reply(400, { error: error instanceof Error ? error.message : String(error) })
      }
    },
    dispose: () => {
      clearTimeout(timer)
      gate.stayClosed()
    },
  }
}

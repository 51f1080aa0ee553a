/**
 * The `Requester` of @upstash/redis. The vendor's own has no deadline, retries everything up to five times, Next's
 * control-flow errors included, and puts whole commands into error messages.
 */
import type { Requester, UpstashRequest, UpstashResponse } from '@upstash/redis'
import { startDeadline } from '../../../../shared/deadline'
import { type CodedError, getErrorCode, hasCode, isCodedError } from '../../../../shared/errors'
import type { Ports } from '../../../../shared/ports'
import { isRedisFailure, redisCircuitOpen, redisTimeout, redisUnreachable } from '../../errors'
import { billedCommands } from '../billing'
import { type Breaker, type BreakerOptions, createBreaker } from './circuitBreaker'
import { REFUSED_ALL, REFUSED_WRITES } from './refusals'
import { checkReply, entryError, readReply } from './replies'
import { createWriteHealth, type WriteHealth } from './writeHealth'

export interface TransportOptions {
  url: string
  token: string
  /** For error messages. */
  urlName: string
  tokenName: string
  /** Of one request with its retries, in ms; large requests get more, see BYTES_PER_MS. */
  timeoutMs: number
  /** Only of reads, after a broken connection or a 5xx. */
  retries: number
  /** A request of this duration is reported, in ms. */
  slowMs: number
  breaker: BreakerOptions
}

/** `commands` excludes calls inside scripts, which are billed too. */
export interface TransportCounters {
  last: LastRequest | null
  requests: number
  commands: number
  bytesSent: number
  bytesReceived: number
  failures: number
  retries: number
}

export interface LastRequest {
  /** Monotonic clock, ms. */
  endedAt: number
  durationMs: number
  /** Redis may have refused this command. */
  answered: boolean
}

export interface Transport extends Requester {
  readonly counters: Readonly<TransportCounters>
  readonly breaker: Breaker
  readonly writes: WriteHealth
  requestWithin<T>(request: UpstashRequest, timeoutMs: number): Promise<UpstashResponse<T>>
}

type Used = Pick<TransportCounters, 'requests' | 'bytesSent' | 'bytesReceived'>

/** Only reads: a repeated write may undo what another process wrote in between. */
const RESENDABLE = new Set(
  'ping get getrange mget exists ttl pttl type strlen hget hmget hgetall lrange llen smembers sismember scan memory'.split(
    ' ',
  ),
)

const RETRY_PAUSE_MS = 20
/** For the additional time of large requests and answers; about 8 Mbit/s. */
const BYTES_PER_MS = 1_000

/** They refuse one command, but not others. */
const ANSWERS = ['REDIS_COMMAND_FAILED', 'REDIS_TOO_LARGE', ...REFUSED_WRITES]

export function createTransport(options: TransportOptions, ports: Ports): Transport {
  const baseUrl = options.url
  const counters: TransportCounters = {
    last: null,
    requests: 0,
    commands: 0,
    bytesSent: 0,
    bytesReceived: 0,
    failures: 0,
    retries: 0,
  }
  const writes = createWriteHealth(ports.clock)
  let syncToken = ''
  /** The cause of errors while the circuit is open. */
  let lastFailure: unknown

  async function send(
    path: readonly string[],
    body: Uint8Array<ArrayBuffer>,
    { signal, extend }: { signal: AbortSignal; extend(milliseconds: number): void },
    used: Used,
  ): Promise<unknown> {
    const count = (name: keyof Used, amount: number) => {
      counters[name] += amount
      used[name] += amount
    }
    count('requests', 1)
    count('bytesSent', body.byteLength)
    const response = await ports.fetch([baseUrl, ...path].join('/'), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${options.token}`,
        'content-type': 'application/json',
        'upstash-sync-token': syncToken,
      },
      body,
      cache: 'no-store',
      redirect: 'manual',
      signal,
    })
    extend(Math.floor((Number(response.headers.get('content-length')) || 0) / BYTES_PER_MS))
    // A wrapper of fetch may return a body that ignores the signal.
    const bytes = await Promise.race([response.arrayBuffer(), rejectOnAbort(signal)])
    count('bytesReceived', bytes.byteLength)
    syncToken = response.headers.get('upstash-sync-token') ?? syncToken
    return readReply(response.status, new TextDecoder().decode(bytes), options.tokenName)
  }

  const breaker = createBreaker(options.breaker, ports, async () => {
    await requestPastBreaker({ body: ['PING'] }, options.timeoutMs)
  })

  async function requestWithin<T>(request: UpstashRequest, timeoutMs: number): Promise<UpstashResponse<T>> {
    if (!breaker.admits()) throw redisCircuitOpen(lastFailure)
    try {
      const response = await requestPastBreaker<T>(request, timeoutMs)
      breaker.succeeded()
      return response
    } catch (error) {
      // A refusal is an answer: it says nothing against Redis.
      if (hasCode(error, ...ANSWERS)) breaker.succeeded()
      else if (isRedisFailure(error)) breaker.failed()
      throw error
    }
  }

  async function requestPastBreaker<T>(
    request: UpstashRequest,
    timeoutMs: number,
  ): Promise<UpstashResponse<T>> {
    const commands = listCommands(request)
    const name =
      commands.length === 1 ? String(commands[0]?.[0]).toLowerCase() : `pipeline of ${commands.length}`
    const body = new TextEncoder().encode(JSON.stringify(request.body))
    const started = ports.clock.monotonic()
    const deadline = new AbortController()
    const allowedMs = timeoutMs + Math.floor(body.byteLength / BYTES_PER_MS)
    const { cancel, extend } = startDeadline(allowedMs, ports.clock, () => deadline.abort())
    const conversation = { signal: deadline.signal, extend }
    const used: Used = { requests: 0, bytesSent: 0, bytesReceived: 0 }
    let replies: readonly unknown[] | undefined
    let code: string | null | undefined = null
    counters.commands += commands.length
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const reply = await send(request.path ?? [], body, conversation, used)
          const checked = checkReply(reply, name, request.path !== undefined)
          replies = [checked].flat().map((entry) => (entry as UpstashResponse<unknown>).result)
          code = recordEntries(commands, [checked].flat())
          return checked as UpstashResponse<T>
        } catch (error) {
          const failure = classify(error, deadline.signal, allowedMs)
          if (!isCodedError(failure) || !mayResend(failure, attempt, commands)) throw failure
          counters.retries += 1
          counters.commands += commands.length
          ports.emit({ type: 'redis.retried', command: name, code: failure.code })
          await pause(RETRY_PAUSE_MS, deadline.signal)
        }
      }
    } catch (error) {
      code = ports.isControlFlow(error) ? undefined : getErrorCode(error)
      if (code !== undefined) lastFailure = error
      for (const [command] of commands) writes.record(String(command), error)
      throw error
    } finally {
      cancel()
      const durationMs = ports.clock.monotonic() - started
      if (code !== undefined) {
        if (code !== null) counters.failures += 1
        const answered = code === null || ANSWERS.includes(code)
        counters.last = { endedAt: started + durationMs, durationMs, answered }
        const billed = billedCommands(commands, replies) + (used.requests - 1) * commands.length
        ports.emit({ type: 'redis.requested', command: name, commands: billed, ...used, durationMs, code })
      }
      if (durationMs >= options.slowMs)
        ports.emit({ type: 'redis.slow', command: name, durationMs, limitMs: options.slowMs })
    }
  }

  /** Returns the code of a refusal for Redis's own state; null for none. */
  function recordEntries(commands: Commands, entries: readonly unknown[]): string | null {
    let code: string | null = null
    for (const [index, entry] of entries.entries()) {
      const command = String(commands[index]?.[0])
      const error = entryError(command, entry)
      writes.record(command, error)
      if (hasCode(error, ...REFUSED_WRITES, ...REFUSED_ALL)) code ??= error.code
    }
    return code
  }

  function mayResend(failure: CodedError, attempt: number, commands: Commands): boolean {
    if (attempt > options.retries) return false
    // While loading, Redis executes nothing, so writes may be repeated too.
    if (hasCode(failure, 'REDIS_LOADING')) return true
    if (!hasCode(failure, 'REDIS_UNREACHABLE', 'REDIS_BAD_REPLY')) return false
    return commands.every(([command]) => RESENDABLE.has(String(command).toLowerCase()))
  }

  function classify(error: unknown, signal: AbortSignal, timeoutMs: number): unknown {
    if (
      ports.isControlFlow(error) ||
      (error instanceof Error && 'code' in error && String(error.code).startsWith('REDIS_'))
    ) {
      return error
    }
    if (signal.aborted) return redisTimeout(timeoutMs, options.urlName)
    return redisUnreachable(new URL(baseUrl).host, options.urlName, error)
  }

  return {
    counters,
    breaker,
    writes,
    readYourWrites: true,
    requestWithin,
    request: (request) => requestWithin(request, options.timeoutMs),
  }
}

type Commands = readonly (readonly unknown[])[]

function listCommands({ path, body }: UpstashRequest): Commands {
  const isBatch = path?.[0] === 'pipeline' || path?.[0] === 'multi-exec'
  return (isBatch ? body : [body]) as Commands
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

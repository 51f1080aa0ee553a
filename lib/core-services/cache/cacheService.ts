/**
 * The Redis commands of the app. `initialize()` fails fast; afterwards no failure of Redis reaches the caller: each
 * method answers its fallback and emits one `redis.degraded` event. Where a fallback would lie (was the counter really
 * raised?), use `attempt`. Bad keys, options and values are mistakes of the caller and always throw.
 */

import type { Redis } from '@upstash/redis'
import { type CodedError, hasCode } from '../../shared/errors'
import { defaultPorts, type Ports } from '../../shared/ports'
import type { ServiceInterface } from '../service-registry'
import { type Connection, connect, type Internals } from './connection'
import type { Locks } from './coordination/locks'
import type { ClaimableRecords } from './coordination/records'
import { cacheNotInitialized, isRedisFailure, notRedis, redisBadReply, redisRefusesPing } from './errors'
import type { FieldMemory } from './fields/memory/fieldMemory'
import type { EntryHeaders } from './fields/store/entryHeaders'
import type { FieldStore } from './fields/store/fieldStore'
import { processParts } from './processParts'
import { type Ask, RedisCommands } from './redis/commands/commands'
import type { PipelineCommands, StrictCommands } from './redis/commands/strictCommands'
import { createBatch } from './redis/pipeline'
import { reportDegraded } from './redis/reportDegraded'
import type { Breaker } from './redis/transport/circuitBreaker'
import type { TransportCounters } from './redis/transport/transport'
import type { RefusedWrites } from './redis/transport/writeHealth'
import { createRuntime } from './runtime'
import { type CacheConfig, cacheConfig } from './settings/cacheConfig'

/** @public For the callers of `set`. */
export type { CacheOptions } from './redis/commands/setOptions'
/** @public For the callers of `memoryUsageByPattern`. */
export type { MemoryUsage } from './redis/commands/wire'

export type Result<T> = { ok: true; value: T } | { ok: false; error: CodedError }

/**
 * Deadline of the ping of `initialize()`, in ms, unless requests have a longer one: the first contact may have to set up
 * a connection, by a process that is still busy with its start.
 */
const BOOT_PING_TIMEOUT_MS = 1_500
/** How long the note of a probe is kept, in s. */
const PROBE_SECONDS = 60

export class CacheService extends RedisCommands<null> implements ServiceInterface {
  readonly #config: () => CacheConfig
  readonly #ports: Ports
  /** What the process remembers of fields: keys of theirs may be read, written and removed here as well. */
  readonly #memory: () => FieldMemory
  #started: Connection | undefined

  /** Reads the environment when it is initialised, not before. */
  constructor(
    config: () => CacheConfig = cacheConfig,
    ports: Ports = defaultPorts,
    memory?: () => FieldMemory,
  ) {
    super({
      run: (operation, fallback, ask) => this.#answer(operation, fallback, ask),
      runOrNull: (operation, ask) => this.#answer(operation, null, ask),
    })
    this.#config = config
    this.#ports = ports
    this.#memory = memory ?? (() => createRuntime({ ...processParts(ports), services: async () => this }))
  }

  /** Pings Redis. Rejects with CONFIG_INVALID or a REDIS_ error unless the answer is PONG. */
  async initialize(): Promise<void> {
    const config = this.#config()
    const { urlName } = config
    const started = connect(config, this.#ports, this.#memory)
    const { result } = await started.transport
      .requestWithin<string>({ body: ['PING'] }, Math.max(BOOT_PING_TIMEOUT_MS, config.commandHardTimeoutMs))
      .catch((error: unknown) => {
        if (isRedisRefusal(error)) throw redisRefusesPing(urlName, error)
        throw hasCode(error, 'REDIS_COMMAND_FAILED', 'REDIS_BAD_REPLY') ? notRedis(urlName, error) : error
      })
    if (result !== 'PONG') throw notRedis(urlName, redisBadReply('PING was not answered with PONG'))
    this.#started = started
  }

  get initialized(): boolean {
    return this.#started !== undefined
  }

  /** Runs commands without fallbacks and says what became of them: `attempt((redis) => redis.incr('visits'))`. */
  async attempt<T>(run: (redis: StrictCommands) => Promise<T>): Promise<Result<T>> {
    const { commands } = this.#ready('attempt')
    try {
      return { ok: true, value: await run(commands) }
    } catch (error) {
      return failed(error)
    }
  }

  /**
   * Many commands in one request, not atomic: `pipeline((redis) => [redis.get('a'), redis.incr('n')])`. Each command
   * has its own result. Only what is started before the function returns belongs to the request.
   */
  async pipeline<T extends readonly Promise<unknown>[]>(
    collect: (redis: PipelineCommands) => readonly [...T],
  ): Promise<{ [Index in keyof T]: Result<Awaited<T[Index]>> }> {
    const { transport, pipelineCommands } = this.#ready('pipeline')
    const batch = createBatch(transport)
    const results = Promise.all(collect(pipelineCommands(batch.send)).map(toResult))
    await Promise.all([results, batch.flush()])
    return (await results) as { [Index in keyof T]: Result<Awaited<T[Index]>> }
  }

  /** Rejects with a REDIS_ error unless Redis answers PONG. For health checks: it costs a command. */
  async ping(): Promise<void> {
    if ((await this.#ready('ping').commands.ping()) !== 'PONG')
      throw redisBadReply('PING was not answered with PONG')
  }

  /** Null when Redis took the last write of this process: a full or read-only one answers every ping. */
  get refusedWrites(): Readonly<RefusedWrites> | null {
    return this.#ready('refusedWrites').transport.writes.refused
  }

  /** The same after a write was tried again, once in 30 s at most: for those who tell it to people and monitors. */
  async checkWrites(): Promise<Readonly<RefusedWrites> | null> {
    const { breaker, writes } = this.#ready('checkWrites').transport
    return breaker.state === 'closed' ? writes.checked(() => this.probeWrites()) : writes.refused
  }

  /** Writes a note that expires. Rejects with a REDIS_ error. For health checks: it costs a command. */
  async probeWrites(): Promise<void> {
    const { send, keys } = this.#ready('probeWrites')
    await send('SET', keys.internal('probe', 'writes'), 1, 'EX', PROBE_SECONDS)
  }

  /** What the fields are stored in; the engine's side of this service. */
  get fieldStore(): FieldStore {
    return this.#ready('fieldStore').fieldStore
  }

  /** What the admin page looks at; the engine's side of this service. */
  get entryHeaders(): EntryHeaders {
    return this.#ready('entryHeaders').entryHeaders
  }

  /** The client underneath, with physical keys and raw replies: for commands that have no method here. */
  get redis(): Redis {
    return this.#ready('redis').redis
  }

  /** For modules around the engine that keep a state of their own in Redis, such as a budget shared by all instances. */
  get internals(): Internals {
    const { send, keys } = this.#ready('internals')
    return { send, keys }
  }

  /** The circuit breaker before Redis: its state, its last transitions, and manual control. */
  get breaker(): Breaker {
    return this.#ready('breaker').transport.breaker
  }

  /** Locks across all instances: `cache.lock.withLock(`critical:${id}`, work, 30, { retryCount: 3, retryDelay: 100 })`. */
  get lock(): Locks {
    return this.#ready('lock').locks
  }

  /** What this app's own machinery writes down for all instances. */
  get sharedRecords(): ClaimableRecords {
    return this.#ready('sharedRecords').sharedRecords
  }

  get counters(): Readonly<TransportCounters> {
    return this.#ready('counters').transport.counters
  }

  #ready(operation: string): Connection {
    if (!this.#started) throw cacheNotInitialized(operation)
    return this.#started
  }

  async #answer<T, F>(operation: string, fallback: F, ask: Ask<T>): Promise<T | F> {
    const { wire } = this.#ready(operation)
    try {
      return await ask(wire)
    } catch (error) {
      if (!isRedisFailure(error)) throw error
      reportDegraded(this.#ports, operation, error)
      return fallback
    }
  }
}

/** Redis begins the text of an error with a word in capitals; other services do not. */
function isRedisRefusal(error: unknown): error is CodedError {
  return hasCode(error, 'REDIS_COMMAND_FAILED') && /^Redis refused \w+: [A-Z]{3,}\b/.test(error.message)
}

async function toResult<T>(promise: Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await promise }
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): { ok: false; error: CodedError } {
  if (!isRedisFailure(error) && !hasCode(error, 'WRITE_CONTENDED')) throw error
  return { ok: false, error }
}

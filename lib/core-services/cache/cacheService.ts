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
import { processMemory } from './processMemory'
import { chunked } from './redis/chunk'
import type { CacheCommands } from './redis/commands/commands'
import type { MemoryUsage, PatternCommands } from './redis/commands/patternCommands'
import type { CacheOptions } from './redis/commands/setOptions'
import { createBatch } from './redis/pipeline'
import { reportDegraded } from './redis/reportDegraded'
import type { Breaker } from './redis/transport/circuitBreaker'
import type { TransportCounters } from './redis/transport/transport'
import type { RefusedWrites } from './redis/transport/writeHealth'
import { type CacheConfig, cacheConfig } from './settings/cacheConfig'

export type { CacheOptions, MemoryUsage }

export type Result<T> = { ok: true; value: T } | { ok: false; error: CodedError }

/**
 * Deadline of the ping of `initialize()`, in ms, unless requests have a longer one: the first contact may have to set up
 * a connection, by a process that is still busy with its start.
 */
const BOOT_PING_TIMEOUT_MS = 1_500
/** How long the note of a probe is kept, in s. */
const PROBE_SECONDS = 60

export class CacheService implements ServiceInterface {
  readonly #config: () => CacheConfig
  readonly #ports: Ports
  /** What the process remembers of fields: keys of theirs may be read, written and removed here as well. */
  readonly #memory: () => FieldMemory
  #started: Connection | undefined

  /** Reads the environment when it is initialised, not before. */
  constructor(
    config: () => CacheConfig = cacheConfig,
    ports: Ports = defaultPorts,
    memory: () => FieldMemory = () => processMemory(ports.clock),
  ) {
    this.#config = config
    this.#ports = ports
    this.#memory = memory
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
  async attempt<T>(run: (redis: CacheCommands & PatternCommands) => Promise<T>): Promise<Result<T>> {
    const { commands, patterns } = this.#ready('attempt')
    try {
      return { ok: true, value: await run({ ...commands, ...patterns }) }
    } catch (error) {
      return failed(error)
    }
  }

  /**
   * Many commands in one request, not atomic: `pipeline((redis) => [redis.get('a'), redis.incr('n')])`. Each command
   * has its own result. Only what is started before the function returns belongs to the request.
   */
  async pipeline<T extends readonly Promise<unknown>[]>(
    collect: (redis: CacheCommands) => readonly [...T],
  ): Promise<{ [Index in keyof T]: Result<Awaited<T[Index]>> }> {
    const { transport, commandsOver } = this.#ready('pipeline')
    const batch = createBatch(transport)
    const results = Promise.all(collect(commandsOver(batch.send)).map(toResult))
    await Promise.all([results, batch.flush()])
    return (await results) as { [Index in keyof T]: Result<Awaited<T[Index]>> }
  }

  /**
   * The parsed value; null when there is none, when null was stored, or when Redis could not be asked. Of a field's key, for
   * 1 command more: the value before its schema, null once it was invalidated. `mget`, `exists` and `ttl` agree with it.
   */
  get<T>(key: string): Promise<T | null> {
    return this.#soft('get', null, ({ commands }) => commands.get<T>(key))
  }

  /**
   * 'OK', with `get` the old value; null when `nx` or `xx` was not met or Redis could not be asked. 2 billed commands. On a
   * field's key it replaces the value for all readers of the field, each of which checks it by its schema; it rejects with
   * WRITE_CONTENDED when others change the key all the while, as `mset` and `expire` do.
   */
  set<T>(key: string, value: T, options?: number | CacheOptions): Promise<'OK' | T | null> {
    return this.#soft('set', null, ({ commands }) => commands.set(key, value, options))
  }

  /**
   * How many of the keys existed; 0 when Redis could not be asked. Past the `memoryTtl` of a field no instance serves what was
   * deleted. 1 billed command, and 1 for each key.
   */
  del(...keys: string[]): Promise<number> {
    return this.#soft('del', 0, ({ commands }) => commands.del(...keys))
  }

  delete(...keys: string[]): Promise<number> {
    return this.del(...keys)
  }

  exists(...keys: string[]): Promise<number> {
    return this.#soft('exists', 0, ({ commands }) => commands.exists(...keys))
  }

  /** The counter after adding 1; 0 when Redis could not be asked: count with `attempt` where that matters. */
  incr(key: string): Promise<number> {
    return this.#soft('incr', 0, ({ commands }) => commands.incr(key))
  }

  /** 1 if the key exists and now expires, else 0. */
  expire(key: string, seconds: number): Promise<number> {
    return this.#soft('expire', 0, ({ commands }) => commands.expire(key, seconds))
  }

  /** Seconds left; -1 without expiry, -2 without key, null when Redis could not be asked. */
  ttl(key: string): Promise<number | null> {
    return this.#soft('ttl', null, ({ commands }) => commands.ttl(key))
  }

  /** Values in the order of the keys, null for each that is not there. */
  mget<T>(...keys: string[]): Promise<(T | null)[]> {
    const nothing = keys.map(() => null)
    return this.#soft('mget', nothing, async ({ commands, batchSize }) => {
      const chunks = chunked(keys, batchSize).map((names) => commands.mget<T>(...names))
      return (await Promise.all(chunks)).flat()
    })
  }

  /** All entries at once, without expiry; null when Redis could not be asked. */
  mset(entries: Record<string, unknown>): Promise<'OK' | null> {
    return this.#soft('mset', null, ({ commands }) => commands.mset(entries))
  }

  hget<T>(key: string, field: string): Promise<T | null> {
    return this.#soft('hget', null, ({ commands }) => commands.hget<T>(key, field))
  }

  /** 1 if the field is new, else 0. */
  hset(key: string, field: string, value: unknown): Promise<number> {
    return this.#soft('hset', 0, ({ commands }) => commands.hset(key, field, value))
  }

  /** All fields of the hash, {} when there is none; null when Redis could not be asked. */
  hgetall<T>(key: string): Promise<Record<string, T> | null> {
    return this.#soft('hgetall', null, ({ commands }) => commands.hgetall<T>(key))
  }

  hdel(key: string, ...fields: string[]): Promise<number> {
    return this.#soft('hdel', 0, ({ commands }) => commands.hdel(key, ...fields))
  }

  /** The new length of the list, here and in `rpush`. */
  lpush(key: string, ...items: unknown[]): Promise<number> {
    return this.#soft('lpush', 0, ({ commands }) => commands.lpush(key, ...items))
  }

  rpush(key: string, ...items: unknown[]): Promise<number> {
    return this.#soft('rpush', 0, ({ commands }) => commands.rpush(key, ...items))
  }

  lpop<T>(key: string): Promise<T | null> {
    return this.#soft('lpop', null, ({ commands }) => commands.lpop<T>(key))
  }

  rpop<T>(key: string): Promise<T | null> {
    return this.#soft('rpop', null, ({ commands }) => commands.rpop<T>(key))
  }

  lrange<T>(key: string, start: number, stop: number): Promise<T[]> {
    return this.#soft('lrange', [], ({ commands }) => commands.lrange<T>(key, start, stop))
  }

  /** How many of the members are new. */
  sadd(key: string, ...members: unknown[]): Promise<number> {
    return this.#soft('sadd', 0, ({ commands }) => commands.sadd(key, ...members))
  }

  srem(key: string, ...members: unknown[]): Promise<number> {
    return this.#soft('srem', 0, ({ commands }) => commands.srem(key, ...members))
  }

  smembers<T>(key: string): Promise<T[]> {
    return this.#soft('smembers', [], ({ commands }) => commands.smembers<T>(key))
  }

  sismember(key: string, member: unknown): Promise<number> {
    return this.#soft('sismember', 0, ({ commands }) => commands.sismember(key, member))
  }

  /** Logical keys that match a glob such as `orders:*`, sorted. Walks the whole database, as all four do. */
  keysByPattern(glob: string): Promise<string[]> {
    return this.#soft('keysByPattern', [], ({ patterns }) => patterns.keysByPattern(glob))
  }

  countByPattern(glob: string): Promise<number> {
    return this.#soft('countByPattern', 0, ({ patterns }) => patterns.countByPattern(glob))
  }

  /** How many keys there were. As `del`; the process forgets all that it has in memory. */
  deleteByPattern(glob: string): Promise<number> {
    return this.#soft('deleteByPattern', 0, ({ patterns }) => patterns.deleteByPattern(glob))
  }

  /** Null when Redis could not be asked. */
  memoryUsageByPattern(glob: string): Promise<MemoryUsage | null> {
    return this.#soft('memoryUsageByPattern', null, ({ patterns }) => patterns.memoryUsageByPattern(glob))
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

  async #soft<T, F>(
    operation: string,
    fallback: F,
    run: (started: Connection) => Promise<T>,
  ): Promise<T | F> {
    const started = this.#ready(operation)
    try {
      return await run(started)
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

/**
 * The Redis commands over logical keys and JSON values. Each is written once: the name in its event, its answer while
 * Redis is down, what it sends, and how it reads the reply. Keys, options and values that cannot be used always throw.
 */
import { chunked } from '../chunk'
import { encodeValue } from '../json'
import { hashField, listIndex } from './arguments'
import type { CacheOptions } from './setOptions'
import { type MemoryUsage, readList, readRecord, type Wire } from './wire'
import { expireKey, setKey, setKeys } from './writes'

export type Ask<T> = (redis: Wire) => Promise<T>

/** Decides what a failure of Redis becomes. CacheService answers the fallback; `StrictCommands` rejects. */
export interface CommandRunner<Down> {
  run: <T>(operation: string, fallback: T, ask: Ask<T>) => Promise<T>
  /** For answers of which none can stand for "unknown", such as a record: `Down` does. */
  runOrNull: <T>(operation: string, ask: Ask<T>) => Promise<T | Down>
}

/** `Down`: null where failures are answered, never where they reject. */
export class RedisCommands<Down extends null = never> {
  readonly #run: CommandRunner<Down>['run']
  readonly #runOrNull: CommandRunner<Down>['runOrNull']

  constructor({ run, runOrNull }: CommandRunner<Down>) {
    this.#run = run
    this.#runOrNull = runOrNull
  }

  /**
   * The parsed value; null when there is none, when null was stored, or when Redis could not be asked. Of a field's key, for
   * 1 command more: the value before its schema, null once it was invalidated. `mget`, `exists` and `ttl` agree with it.
   */
  get<T>(key: string): Promise<T | null> {
    return this.#run('get', null, async ({ send, physical, open }) =>
      open<T>(key, await send('GET', physical(key))),
    )
  }

  /**
   * 'OK', with `get` the old value; null when `nx` or `xx` was not met or Redis could not be asked. 2 billed commands. On a
   * field's key it replaces the value for all readers of the field, each of which checks it by its schema; it rejects with
   * WRITE_CONTENDED when others change the key all the while, as `mset` and `expire` do.
   */
  set<T>(key: string, value: T, options?: number | CacheOptions): Promise<'OK' | T | null> {
    return this.#run('set', null, (redis) => setKey(redis, key, value, options))
  }

  /**
   * How many of the keys existed; 0 when Redis could not be asked. Past the `memoryTtl` of a field no instance serves what was
   * deleted. 1 billed command, and 1 for each key.
   */
  del(...keys: string[]): Promise<number> {
    return this.#run('del', 0, ({ fields }) => fields.remove(keys))
  }

  delete(...keys: string[]): Promise<number> {
    return this.del(...keys)
  }

  exists(...keys: string[]): Promise<number> {
    return this.#run('exists', 0, async ({ count, fields, physical }) => {
      const existing = await count('EXISTS', ...keys.map(physical))
      return existing === 0 ? 0 : existing - (await fields.invalidAmong(keys))
    })
  }

  /** The counter after adding 1; 0 when Redis could not be asked: count with `attempt` where that matters. */
  incr(key: string): Promise<number> {
    return this.#run('incr', 0, ({ count, physical }) => count('INCR', physical(key)))
  }

  /** 1 if the key exists and now expires, else 0. */
  expire(key: string, seconds: number): Promise<number> {
    return this.#run('expire', 0, (redis) => expireKey(redis, key, seconds))
  }

  /** Seconds left; -1 without expiry, -2 without key, null when Redis could not be asked. */
  ttl(key: string): Promise<number | Down> {
    return this.#runOrNull('ttl', async ({ count, fields, physical }) => {
      const left = await count('TTL', physical(key))
      return left === -2 || (await fields.invalidAmong([key])) === 0 ? left : -2
    })
  }

  /** Values in the order of the keys, null for each that is not there. */
  mget<T>(...keys: string[]): Promise<(T | null)[]> {
    const nothing = keys.map(() => null)
    return this.#run<(T | null)[]>('mget', nothing, async ({ send, physical, open, mgetSize }) => {
      const chunks = chunked(keys, mgetSize).map(async (names) => {
        const replies = readList(await send('MGET', ...names.map(physical)))
        return Promise.all(names.map((name, index) => open<T>(name, replies[index] ?? null)))
      })
      return (await Promise.all(chunks)).flat()
    })
  }

  /** All entries at once, without expiry; null when Redis could not be asked. */
  mset(entries: Record<string, unknown>): Promise<'OK' | null> {
    return this.#run('mset', null, (redis) => setKeys(redis, entries))
  }

  hget<T>(key: string, field: string): Promise<T | null> {
    return this.#run('hget', null, ({ value, physical }) => value<T>('HGET', physical(key), hashField(field)))
  }

  /** 1 if the field is new, else 0. */
  hset(key: string, field: string, value: unknown): Promise<number> {
    return this.#run('hset', 0, ({ count, physical }) =>
      count('HSET', physical(key), hashField(field), encodeValue(value)),
    )
  }

  /** All fields of the hash, {} when there is none; null when Redis could not be asked. */
  hgetall<T>(key: string): Promise<Record<string, T> | Down> {
    return this.#runOrNull('hgetall', async ({ send, physical }) =>
      readRecord<T>(await send('HGETALL', physical(key))),
    )
  }

  /** How many of the fields existed. */
  hdel(key: string, ...fields: string[]): Promise<number> {
    return this.#run('hdel', 0, ({ count, physical }) =>
      count('HDEL', physical(key), ...fields.map(hashField)),
    )
  }

  /** The new length of the list, here and in `rpush`. */
  lpush(key: string, ...items: unknown[]): Promise<number> {
    return this.#run('lpush', 0, ({ count, physical }) =>
      count('LPUSH', physical(key), ...items.map(encodeValue)),
    )
  }

  rpush(key: string, ...items: unknown[]): Promise<number> {
    return this.#run('rpush', 0, ({ count, physical }) =>
      count('RPUSH', physical(key), ...items.map(encodeValue)),
    )
  }

  lpop<T>(key: string): Promise<T | null> {
    return this.#run('lpop', null, ({ value, physical }) => value<T>('LPOP', physical(key)))
  }

  rpop<T>(key: string): Promise<T | null> {
    return this.#run('rpop', null, ({ value, physical }) => value<T>('RPOP', physical(key)))
  }

  /** From `start` to `stop` inclusive; negative numbers count from the end. */
  lrange<T>(key: string, start: number, stop: number): Promise<T[]> {
    return this.#run('lrange', [], ({ values, physical }) =>
      values<T>('LRANGE', physical(key), listIndex('start', start), listIndex('stop', stop)),
    )
  }

  /** How many of the members are new. */
  sadd(key: string, ...members: unknown[]): Promise<number> {
    return this.#run('sadd', 0, ({ count, physical }) =>
      count('SADD', physical(key), ...members.map(encodeValue)),
    )
  }

  /** How many of the members were there. */
  srem(key: string, ...members: unknown[]): Promise<number> {
    return this.#run('srem', 0, ({ count, physical }) =>
      count('SREM', physical(key), ...members.map(encodeValue)),
    )
  }

  smembers<T>(key: string): Promise<T[]> {
    return this.#run('smembers', [], ({ values, physical }) => values<T>('SMEMBERS', physical(key)))
  }

  /** 1 or 0. */
  sismember(key: string, member: unknown): Promise<number> {
    return this.#run('sismember', 0, ({ count, physical }) =>
      count('SISMEMBER', physical(key), encodeValue(member)),
    )
  }

  /**
   * Logical keys that match a glob of Redis, sorted: `orders:*`, `user:?`, `a[bc]`. Walks the whole database, as all four
   * do.
   */
  keysByPattern(glob: string): Promise<string[]> {
    return this.#run('keysByPattern', [], ({ patterns }) => patterns.keysByPattern(glob))
  }

  countByPattern(glob: string): Promise<number> {
    return this.#run('countByPattern', 0, ({ patterns }) => patterns.countByPattern(glob))
  }

  /** How many keys there were. As `del`; the process forgets all that it has in memory. */
  deleteByPattern(glob: string): Promise<number> {
    return this.#run('deleteByPattern', 0, ({ patterns }) => patterns.deleteByPattern(glob))
  }

  /** Null when Redis could not be asked. */
  memoryUsageByPattern(glob: string): Promise<MemoryUsage | Down> {
    return this.#runOrNull('memoryUsageByPattern', ({ patterns }) => patterns.memoryUsageByPattern(glob))
  }
}

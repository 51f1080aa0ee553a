/**
 * The Redis commands over logical keys and JSON values, each one billed command. They reject with typed errors;
 * CacheService puts the fallbacks around them.
 */
import { hashFieldInvalid, redisBadReply } from './errors'
import { decodeValue, encodeValue } from './json'
import { halfProblem, type KeySpace } from './keys'
import { type CacheOptions, setArguments, wholeSeconds } from './options'
import type { RawReply, Send } from './send'

export type CacheCommands = ReturnType<typeof createCommands>

export function createCommands(send: Send, keys: KeySpace) {
  const key = keys.physical
  const count = async (command: string, ...args: string[]) => asNumber(await send(command, ...args))
  const value = async <T>(command: string, ...args: (string | number)[]) =>
    asValue<T>(await send(command, ...args))
  const values = async <T>(command: string, ...args: (string | number)[]) =>
    asArray(await send(command, ...args)).map((item) => asValue<T>(item))

  return {
    /** 'PONG' from a healthy server. */
    ping: () => send('PING'),

    get: <T>(name: string) => value<T>('GET', key(name)),
    /** Tells a stored `null` from an absent key. */
    lookup: async <T>(name: string): Promise<{ found: true; value: T } | { found: false }> => {
      const reply = await send('GET', key(name))
      return typeof reply === 'string' ? { found: true, value: decodeValue<T>(reply) } : { found: false }
    },
    /** 'OK'; null when `nx` or `xx` was not met; with `get` the old value. */
    set: async <T>(name: string, content: T, options?: number | CacheOptions): Promise<'OK' | T | null> => {
      const args = setArguments(options)
      const reply = await send('SET', key(name), encodeValue(content), ...args)
      return args.includes('GET') ? asValue<T>(reply) : (reply as 'OK' | null)
    },
    /** How many of the keys existed. */
    del: (...names: string[]) => count('DEL', ...names.map(key)),
    exists: (...names: string[]) => count('EXISTS', ...names.map(key)),
    /** The counter after adding 1. */
    incr: (name: string) => count('INCR', key(name)),
    /** 1 if the key exists, else 0. */
    expire: async (name: string, seconds: number) =>
      asNumber(await send('EXPIRE', key(name), wholeSeconds('seconds', seconds))),
    /** Seconds left; -1 without expiry, -2 without key. */
    ttl: (name: string) => count('TTL', key(name)),
    /** In the order of the names, null where there is no key. */
    mget: async <T>(...names: string[]) => (names.length === 0 ? [] : values<T>('MGET', ...names.map(key))),
    /** All at once, without expiry. */
    mset: async (entries: Record<string, unknown>) => {
      const pairs = Object.entries(entries).flatMap(([name, content]) => [key(name), encodeValue(content)])
      return pairs.length === 0 ? 'OK' : ((await send('MSET', ...pairs)) as 'OK')
    },

    hget: <T>(name: string, field: string) => value<T>('HGET', key(name), hashField(field)),
    /** 1 if the field is new, else 0. */
    hset: (name: string, field: string, content: unknown) =>
      count('HSET', key(name), hashField(field), encodeValue(content)),
    /** Empty when there is no such hash. */
    hgetall: async <T>(name: string): Promise<Record<string, T>> =>
      asRecord<T>(await send('HGETALL', key(name))),
    /** How many of the fields existed. */
    hdel: (name: string, ...fields: string[]) => count('HDEL', key(name), ...fields.map(hashField)),

    /** The new length of the list, for both pushes. */
    lpush: (name: string, ...items: unknown[]) => count('LPUSH', key(name), ...items.map(encodeValue)),
    rpush: (name: string, ...items: unknown[]) => count('RPUSH', key(name), ...items.map(encodeValue)),
    lpop: <T>(name: string) => value<T>('LPOP', key(name)),
    rpop: <T>(name: string) => value<T>('RPOP', key(name)),
    /** From `start` to `stop` inclusive; negative numbers count from the end. */
    lrange: <T>(name: string, start: number, stop: number) =>
      values<T>('LRANGE', key(name), start, stop) as Promise<T[]>,

    /** How many of the members are new. */
    sadd: (name: string, ...members: unknown[]) => count('SADD', key(name), ...members.map(encodeValue)),
    /** How many of the members were there. */
    srem: (name: string, ...members: unknown[]) => count('SREM', key(name), ...members.map(encodeValue)),
    smembers: <T>(name: string) => values<T>('SMEMBERS', key(name)) as Promise<T[]>,
    /** 1 or 0. */
    sismember: (name: string, member: unknown) => count('SISMEMBER', key(name), encodeValue(member)),
  }
}

function hashField(field: string): string {
  const problem = halfProblem(field)
  if (problem !== undefined) throw hashFieldInvalid(field, problem)
  return field
}

function asNumber(reply: RawReply): number {
  if (typeof reply !== 'number') throw redisBadReply('a number was expected')
  return reply
}

function asValue<T>(reply: RawReply): T | null {
  if (reply === null) return null
  // A counter's reply and a number written by somebody else come as numbers.
  return typeof reply === 'string' ? decodeValue<T>(reply) : (reply as T)
}

function asArray(reply: RawReply): RawReply[] {
  if (!Array.isArray(reply)) throw redisBadReply('a list was expected')
  return reply
}

function asRecord<T>(reply: RawReply): Record<string, T> {
  const flat = asArray(reply)
  const pairs: [string, T][] = []
  for (let index = 0; index < flat.length; index += 2) {
    pairs.push([String(flat[index]), asValue<T>(flat[index + 1] ?? null) as T])
  }
  return Object.fromEntries(pairs)
}

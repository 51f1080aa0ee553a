/**
 * The Redis commands over logical keys and JSON values, each one billed command. They reject with typed errors;
 * CacheService puts the fallbacks around them.
 */
import { hashFieldInvalid, redisBadReply } from '../../errors'
import { decodeValue, encodeValue } from '../json'
import type { Argument, Command, RawReply, Send } from '../pipeline'
import { halfProblem, type KeySpace } from './keySpace'
import { type CacheOptions, setArguments, wholeSeconds } from './setOptions'

export type CacheCommands = ReturnType<typeof createCommands>

/** What is different where a key is that of a field. The engine's commands know nothing of fields but this. */
export interface FieldKeyHandlers {
  /** The value in a text that stands under a key; `found` is false for a field's entry that was invalidated. */
  open<T>(key: string, text: string): Promise<{ found: true; value: T } | { found: false }>
  /** How many of these keys, all of which exist, hold entries that were invalidated. */
  invalidAmong(keys: readonly string[]): Promise<number>
  /** Whether the key is that of a configured field. */
  isConfigured(key: string): boolean
  /** Of a key that is not: what stands under this name, if it is one of a family that was read in the last 30 days. */
  tokenName(key: string): string
  /** Drops what the process has in memory of these keys, under which something else was put. */
  forget(keys: readonly string[]): void
  /** Removes keys, and invalidates those of fields. */
  remove(keys: readonly string[]): Promise<number>
  set<T>(key: string, value: T, options?: number | CacheOptions): Promise<'OK' | T | null>
  expire(key: string, seconds: number): Promise<number>
}

/** Sends commands in one request; rejects when one of them fails. */
export type SendAll = (commands: readonly Command[]) => Promise<RawReply[]>

/** `asksFirst`: a call may send a second request; in a pipeline all that it sends belongs to one. */
export function createCommands(
  send: Send,
  sendAll: SendAll,
  keys: KeySpace,
  fields: FieldKeyHandlers,
  asksFirst = true,
) {
  const key = keys.physical
  const opened = async <T>(name: string, reply: RawReply): Promise<T | null> => {
    if (typeof reply !== 'string') return asValue<T>(reply)
    const found = await fields.open<T>(name, reply)
    return found.found ? found.value : null
  }
  const count = async (command: string, ...args: string[]) => asNumber(await send(command, ...args))
  const value = async <T>(command: string, ...args: (string | number)[]) =>
    asValue<T>(await send(command, ...args))
  const values = async <T>(command: string, ...args: (string | number)[]) =>
    asArray(await send(command, ...args)).map((item) => asValue<T>(item))

  return {
    /** 'PONG' from a healthy server. */
    ping: () => send('PING'),

    get: async <T>(name: string): Promise<T | null> => opened<T>(name, await send('GET', key(name))),
    /** Tells a stored `null` from an absent key. */
    lookup: async <T>(name: string): Promise<{ found: true; value: T } | { found: false }> => {
      const reply = await send('GET', key(name))
      return typeof reply === 'string' ? fields.open<T>(name, reply) : { found: false }
    },
    /** 'OK'; null when `nx` or `xx` was not met; with `get` the old value. 1 command more tells whether the key is a field's. */
    set: async <T>(name: string, content: T, options?: number | CacheOptions): Promise<'OK' | T | null> => {
      const args = setArguments(options)
      const text = encodeValue(content)
      if (fields.isConfigured(name)) return fields.set(name, content, options)
      if (asksFirst && CONDITIONAL.some((option) => args.includes(option))) {
        // By what readers see: an entry that was invalidated stands there all the same.
        if ((await send('GET', fields.tokenName(name))) !== null) return fields.set(name, content, options)
      }
      const [reply = null, token] = await sendAll([
        ['SET', key(name), text, ...args],
        ['GET', fields.tokenName(name)],
      ])
      const before = args.includes('GET') ? await opened<T>(name, reply) : null
      if (token == null) fields.forget([name])
      else if (isSet(args, reply)) {
        // That they were met is known by now.
        const unconditional = { nx: false, xx: false, get: false }
        const given = typeof options === 'object' ? { ...options, ...unconditional } : options
        const outcome = await fields.set(name, content, given)
        if (!args.includes('GET')) return outcome
      }
      return args.includes('GET') ? before : (reply as 'OK' | null)
    },
    /** How many of the keys existed. */
    del: (...names: string[]) => fields.remove(names),
    exists: async (...names: string[]): Promise<number> => {
      const existing = await count('EXISTS', ...names.map(key))
      return existing === 0 ? 0 : existing - (await fields.invalidAmong(names))
    },
    /** The counter after adding 1. */
    incr: (name: string) => count('INCR', key(name)),
    /** 1 if the key exists, else 0. */
    expire: async (name: string, seconds: number): Promise<number> => {
      const expiry: Command = ['EXPIRE', key(name), wholeSeconds('seconds', seconds)]
      const [exists = null, token] = await sendAll([expiry, ['GET', fields.tokenName(name)]])
      if (asNumber(exists) === 0) return 0
      return token != null ? fields.expire(name, seconds) : 1
    },
    /** Seconds left; -1 without expiry, -2 without key. */
    ttl: async (name: string): Promise<number> => {
      const left = await count('TTL', key(name))
      return left === -2 || (await fields.invalidAmong([name])) === 0 ? left : -2
    },
    /** In the order of the names, null where there is no key. */
    mget: async <T>(...names: string[]): Promise<(T | null)[]> => {
      if (names.length === 0) return []
      const replies = asArray(await send('MGET', ...names.map(key)))
      return Promise.all(names.map((name, index) => opened<T>(name, replies[index] ?? null)))
    },
    /** Without expiry, and all at once, but for the keys of fields. 1 command more tells which are. */
    mset: async (entries: Record<string, unknown>): Promise<'OK' | null> => {
      const texts = Object.entries(entries).map(([name, content]) => [name, encodeValue(content)] as const)
      const plain = texts.filter(([name]) => !fields.isConfigured(name))
      const [, tokens] =
        plain.length === 0
          ? []
          : await sendAll([
              ['MSET', ...plain.flatMap(([name, text]) => [key(name), text])],
              ['MGET', ...plain.map(([name]) => fields.tokenName(name))],
            ])
      const found = plain.filter((_, index) => asArray(tokens ?? [])[index] != null)
      fields.forget(plain.filter((pair) => !found.includes(pair)).map(([name]) => name))
      const ofFields = [...found, ...texts.filter((pair) => !plain.includes(pair))]
      const set = await Promise.all(ofFields.map(([name]) => fields.set(name, entries[name])))
      return set.every((outcome) => outcome === 'OK') ? 'OK' : null
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

const CONDITIONAL = ['NX', 'XX', 'GET', 'KEEPTTL']

/** Whether a SET was done, by its reply. */
function isSet(args: readonly Argument[], reply: RawReply): boolean {
  if (!args.includes('GET')) return reply !== null
  if (args.includes('NX')) return reply === null
  return !args.includes('XX') || reply !== null
}

function asNumber(reply: RawReply): number {
  if (typeof reply !== 'number') throw redisBadReply('a number was expected')
  return reply
}

function asValue<T>(reply: RawReply): T | null {
  if (reply === null) return null
  // A counter's reply and a number written by another program come as numbers.
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

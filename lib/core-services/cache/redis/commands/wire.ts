/** What the commands are made of: physical keys, ways to send, and ways to read a reply. */
import { redisBadReply } from '../../errors'
import { decodeValue } from '../json'
import type { Argument, Command, RawReply, Send } from '../pipeline'
import type { KeySpace } from './keySpace'
import type { CacheOptions } from './setOptions'

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

export interface MemoryUsage {
  keys: number
  bytes: number
  /** True where the server cannot tell and the bytes of names and contents were added up instead. */
  estimated: boolean
}

/** The commands that walk the key space: many requests each, so none of them can be part of a pipeline. */
export interface PatternCommands {
  keysByPattern(glob: string): Promise<string[]>
  countByPattern(glob: string): Promise<number>
  deleteByPattern(glob: string): Promise<number>
  memoryUsageByPattern(glob: string): Promise<MemoryUsage>
}

/** Sends commands in one request; rejects when one of them fails. */
export type SendAll = (commands: readonly Command[]) => Promise<RawReply[]>

export interface WireOptions {
  send: Send
  sendAll: SendAll
  keys: KeySpace
  fields: FieldKeyHandlers
  patterns: PatternCommands
  /**
   * How many keys one MGET reads.
   * @default no limit
   */
  mgetSize?: number
  /**
   * Whether a call may send a second request: in a pipeline all that it sends belongs to one.
   * @default true
   */
  asksFirst?: boolean
}

export type Wire = ReturnType<typeof createWire>

export function createWire({
  keys,
  mgetSize = Number.MAX_SAFE_INTEGER,
  asksFirst = true,
  ...options
}: WireOptions) {
  const { send, fields } = options
  return {
    ...options,
    mgetSize,
    asksFirst,
    physical: keys.physical,
    /** Sends a command that is answered with a number. */
    count: async (command: string, ...args: Argument[]) => readNumber(await send(command, ...args)),
    /** Sends a command that is answered with a value. */
    value: async <T>(command: string, ...args: Argument[]) => readValue<T>(await send(command, ...args)),
    /** Sends a command that is answered with a list of values. */
    values: async <T>(command: string, ...args: Argument[]) =>
      readList(await send(command, ...args)).map((item) => readValue<T>(item) as T),
    /** The value in the reply of a GET, of a field's key as well. */
    async open<T>(key: string, reply: RawReply): Promise<T | null> {
      if (typeof reply !== 'string') return readValue<T>(reply)
      const found = await fields.open<T>(key, reply)
      return found.found ? found.value : null
    },
  }
}

export function readNumber(reply: RawReply): number {
  if (typeof reply !== 'number') throw redisBadReply('a number was expected')
  return reply
}

export function readList(reply: RawReply): RawReply[] {
  if (!Array.isArray(reply)) throw redisBadReply('a list was expected')
  return reply
}

/** The reply of HGETALL: names and values in turn. */
export function readRecord<T>(reply: RawReply): Record<string, T> {
  const flat = readList(reply)
  const pairs: [string, T][] = []
  for (let index = 0; index < flat.length; index += 2) {
    pairs.push([String(flat[index]), readValue<T>(flat[index + 1] ?? null) as T])
  }
  return Object.fromEntries(pairs)
}

function readValue<T>(reply: RawReply): T | null {
  if (reply === null) return null
  // A counter's reply and a number written by another program come as numbers.
  return typeof reply === 'string' ? decodeValue<T>(reply) : (reply as T)
}

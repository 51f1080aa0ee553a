import type { RawReply } from '../../core-services/cache/redis/pipeline'
import { globMatches } from './glob'
import { type Content, type Keyspace, replyError } from './keyspace'

export type CommandTable = Record<string, (args: readonly string[]) => RawReply>

/** About how many bytes Redis needs for a key in addition to its name and content. */
const KEY_OVERHEAD = 50

/** `now`: time in ms. */
export function keyCommands(keys: Keyspace, now: () => number): CommandTable {
  const expire =
    (unit: number) =>
    ([name = '', time = '']: readonly string[]): RawReply => {
      const content = keys.find(name)
      if (content === undefined) return 0
      const expiresAt = now() + integer(time) * unit
      if (expiresAt > now()) keys.put(name, content, expiresAt)
      else keys.remove(name)
      return 1
    }
  const timeLeft = (name: string): number => {
    const expiresAt = keys.expiresAt(name)
    if (expiresAt === undefined) return -2
    return expiresAt === Number.POSITIVE_INFINITY ? -1 : expiresAt - now()
  }
  const increase = (name: string, by: number): RawReply => {
    const sum = integer(keys.text(name) ?? '0') + by
    keys.put(name, String(sum), keys.expiresAt(name))
    return sum
  }
  const remove: CommandTable[string] = (names) => names.filter((name) => keys.remove(name)).length

  return {
    PING: () => 'PONG',
    GET: ([name = '']) => keys.text(name) ?? null,
    MGET: (names) =>
      names.map((name) => {
        const content = keys.find(name)
        return typeof content === 'string' ? content : null
      }),
    SET: ([name = '', text = '', ...options]) => {
      const expiresAt = parseExpiry(options, now, keys.expiresAt(name))
      const before = options.includes('GET') ? keys.text(name) : keys.find(name)
      const present = before !== undefined
      const refused = options.includes('NX') ? present : options.includes('XX') && !present
      if (!refused) keys.put(name, text, expiresAt)
      if (options.includes('GET')) return typeof before === 'string' ? before : null
      return refused ? null : 'OK'
    },
    MSET: (pairs) => {
      for (let index = 0; index < pairs.length; index += 2)
        keys.put(pairs[index] ?? '', pairs[index + 1] ?? '')
      return 'OK'
    },
    MSETNX: (pairs) => {
      if (pairs.some((name, index) => index % 2 === 0 && keys.find(name) !== undefined)) return 0
      for (let index = 0; index < pairs.length; index += 2)
        keys.put(pairs[index] ?? '', pairs[index + 1] ?? '')
      return 1
    },
    INCR: ([name = '']) => increase(name, 1),
    INCRBY: ([name = '', by = '']) => increase(name, integer(by)),
    STRLEN: ([name = '']) => byteLength(keys.text(name) ?? ''),
    GETRANGE: ([name = '', start = '', end = '']) =>
      bytesBetween(keys.text(name) ?? '', integer(start), integer(end)),

    DEL: remove,
    UNLINK: remove,
    EXISTS: (names) => names.filter((name) => keys.find(name) !== undefined).length,
    EXPIRE: expire(1_000),
    PEXPIRE: expire(1),
    TTL: ([name = '']) => {
      const left = timeLeft(name)
      return left < 0 ? left : Math.round(left / 1_000)
    },
    PTTL: ([name = '']) => timeLeft(name),
    TYPE: ([name = '']) => typeName(keys.find(name)),
    // All keys in one call: Redis leaves it to the server how many keys one call covers.
    SCAN: ([, ...options]) => {
      const pattern = options[options.indexOf('MATCH') + 1]
      const matches = options.includes('MATCH') && pattern !== undefined ? globMatches(pattern) : () => true
      return ['0', keys.names().filter(matches)]
    },
    MEMORY: ([, name = '']) => {
      const content = keys.find(name)
      return content === undefined ? null : KEY_OVERHEAD + byteLength(name) + contentBytes(content)
    },
  }
}

/** Throws the error of Redis when the text is not a whole number. */
export function integer(text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text)
  throw replyError('ERR value is not an integer or out of range')
}

function parseExpiry(options: readonly string[], now: () => number, current: number | undefined): number {
  const after = (option: string) => {
    const time = integer(options[options.indexOf(option) + 1] ?? '')
    if (time <= 0) throw replyError("ERR invalid expire time in 'set' command")
    return time
  }
  if (options.includes('EX')) return now() + after('EX') * 1_000
  if (options.includes('PX')) return now() + after('PX')
  if (options.includes('EXAT')) return after('EXAT') * 1_000
  if (options.includes('PXAT')) return after('PXAT')
  return (options.includes('KEEPTTL') ? current : undefined) ?? Number.POSITIVE_INFINITY
}

function typeName(content: Content | undefined): string {
  if (content === undefined) return 'none'
  if (typeof content === 'string') return 'string'
  if (Array.isArray(content)) return 'list'
  return content instanceof Map ? 'hash' : 'set'
}

function contentBytes(content: Content): number {
  return typeof content === 'string' ? byteLength(content) : byteLength([...content].flat().join(''))
}

/** Includes the bytes at `start` and at `end`. */
function bytesBetween(text: string, start: number, end: number): string {
  // Releases of Redis disagree about negative indices.
  if (start < 0 || end < 0) throw replyError('ERR a range with negative indices is not simulated')
  return new TextDecoder().decode(new TextEncoder().encode(text).slice(start, end + 1))
}

const byteLength = (text: string): number => new TextEncoder().encode(text).byteLength

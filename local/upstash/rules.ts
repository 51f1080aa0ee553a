import type { Command, EngineConnection } from '../engine/connection'
import { refuse } from './errors'

/** Throws for a command that must not run. */
export type Rule = (command: Command, engine: EngineConnection) => void | Promise<void>

/**
 * First the commands that would change or block the connection that all requests share, then those that control the engine
 * instead of the data.
 */
const UNAVAILABLE = new Set(
  `AUTH HELLO RESET QUIT SELECT CLIENT READONLY READWRITE ASKING MULTI EXEC DISCARD WATCH UNWATCH MONITOR
  SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE WAIT WAITAOF
  BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP
  CONFIG SHUTDOWN DEBUG MODULE SAVE BGSAVE BGREWRITEAOF CLUSTER REPLICAOF SLAVEOF SYNC PSYNC FAILOVER MIGRATE
  MOVE SWAPDB`.split(/\s+/),
)

/** Reads of the whole key space, which the vendor forbids with the read-only token. */
const RESTRICTED = new Set(['SCAN', 'KEYS', 'RANDOMKEY'])

/** The longest key on any plan, in bytes. */
const MAX_KEY_BYTES = 32_768

export const available: Rule = ([name, ...args]) => {
  const upper = name.toUpperCase()
  const words = upper.startsWith('XREAD') ? args.map((argument) => argument.toString().toUpperCase()) : []
  const blocks = words.slice(0, words.indexOf('STREAMS') + 1).includes('BLOCK')
  if (blocks) refuse(`ERR Command is not available: '${upper} BLOCK'`)
  if (UNAVAILABLE.has(upper)) refuse(`ERR Command is not available: '${upper}'`)
}

export const shortKeys: Rule = async ([name, ...args], engine) => {
  const sizes = args.map((argument) => Buffer.byteLength(argument))
  if (!sizes.some((size) => size > MAX_KEY_BYTES)) return
  // Short names replace long arguments to keep the lookup cheap. The positions of keys do not depend on them.
  const shortNames = sizes.map((size, index) => (size > MAX_KEY_BYTES ? `long argument ${index}` : undefined))
  const keys = await engine.findKeys([name, ...args.map((argument, index) => shortNames[index] ?? argument)])
  const actual = sizes.find((_, index) => keys.includes(shortNames[index] ?? ''))
  if (actual === undefined) return
  refuse(`ERR max key size exceeded. Limit: ${MAX_KEY_BYTES} bytes, Actual: ${actual} bytes`)
}

/** Allows only reads and commands that touch no data. */
export const readsOnly: Rule = async ([name], engine) => {
  const upper = name.toUpperCase()
  if (upper === 'PING' || upper === 'ECHO' || (!RESTRICTED.has(upper) && (await engine.isRead(name)))) return
  refuse(`NOPERM this user has no permissions to run the '${name.toLowerCase()}' command or its subcommand`)
}

/** The monthly requests of the free plan are used up. */
export const quotaExceeded: Rule = () =>
  refuse(`ERR max requests limit exceeded. Limit: 500000, Usage: 500000. See \
https://upstash.com/docs/redis/troubleshooting/max_requests_limit for details`)

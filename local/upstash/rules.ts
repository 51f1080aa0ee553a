import type { Command, EngineConnection } from '../engine/connection'
import { refuse } from './errors'

/** Refuses a command that must not run. */
export type Rule = (command: Command, engine: EngineConnection) => void | Promise<void>

/**
 * First what would change or occupy the one connection all requests share, and so is nothing for a stateless protocol,
 * then what governs the engine and not the data.
 */
const UNAVAILABLE = new Set(
  `AUTH HELLO RESET QUIT SELECT CLIENT READONLY READWRITE ASKING MULTI EXEC DISCARD WATCH UNWATCH MONITOR
  SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE WAIT WAITAOF
  BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP
  CONFIG SHUTDOWN DEBUG MODULE SAVE BGSAVE BGREWRITEAOF CLUSTER REPLICAOF SLAVEOF SYNC PSYNC FAILOVER MIGRATE
  MOVE SWAPDB`.split(/\s+/),
)

/** Reads of the whole key space, which the vendor keeps from holders of the read-only token. */
const RESTRICTED = new Set(['SCAN', 'KEYS', 'RANDOMKEY'])

/** The most bytes a key may have on any plan. */
const MAX_KEY_BYTES = 32_768

/** Nothing that the protocol has no room for. */
export const available: Rule = ([name, ...args]) => {
  const upper = name.toUpperCase()
  const words = upper.startsWith('XREAD') ? args.map((argument) => argument.toString().toUpperCase()) : []
  const blocks = words.slice(0, words.indexOf('STREAMS') + 1).includes('BLOCK')
  if (blocks) refuse(`ERR Command is not available: '${upper} BLOCK'`)
  if (UNAVAILABLE.has(upper)) refuse(`ERR Command is not available: '${upper}'`)
}

/** No keys that are too long. */
export const shortKeys: Rule = async ([name, ...args], engine) => {
  const sizes = args.map((argument) => Buffer.byteLength(argument))
  if (!sizes.some((size) => size > MAX_KEY_BYTES)) return
  // Long arguments have stand-ins, so that asking costs little: none of them decides where the keys are.
  const standIns = sizes.map((size, index) => (size > MAX_KEY_BYTES ? `long argument ${index}` : undefined))
  const keys = await engine.findKeys([name, ...args.map((argument, index) => standIns[index] ?? argument)])
  const actual = sizes.find((_, index) => keys.includes(standIns[index] ?? ''))
  if (actual === undefined) return
  refuse(`ERR max key size exceeded. Limit: ${MAX_KEY_BYTES} bytes, Actual: ${actual} bytes`)
}

/** Only what the read-only token is good for: reads, and those that touch no data. */
export const readsOnly: Rule = async ([name], engine) => {
  const upper = name.toUpperCase()
  if (upper === 'PING' || upper === 'ECHO' || (!RESTRICTED.has(upper) && (await engine.isRead(name)))) return
  refuse(`NOPERM this user has no permissions to run the '${name.toLowerCase()}' command or its subcommand`)
}

/** Nothing at all: the month's requests of the free plan are used up. */
export const quotaExceeded: Rule = () =>
  refuse(`ERR max requests limit exceeded. Limit: 500000, Usage: 500000. See \
https://upstash.com/docs/redis/troubleshooting/max_requests_limit for details`)

import type { Command, CommandError } from './types'

/** What would change or occupy the one connection all requests share, and so is nothing for a stateless protocol. */
const CONNECTION = `AUTH HELLO RESET QUIT SELECT CLIENT READONLY READWRITE ASKING
  MULTI EXEC DISCARD WATCH UNWATCH
  MONITOR SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE
  BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF`

/** What governs the engine and not the data. */
const ADMINISTRATION = `CONFIG SHUTDOWN DEBUG MODULE SAVE BGSAVE BGREWRITEAOF CLUSTER REPLICAOF SLAVEOF SYNC PSYNC
  FAILOVER MIGRATE MOVE SWAPDB`

const UNAVAILABLE = new Set(`${CONNECTION} ${ADMINISTRATION}`.split(/\s+/))

function blocks([name, ...args]: Command): boolean {
  if (name !== 'XREAD' && name !== 'XREADGROUP') return false
  const words = args.map((argument) => argument.toString().toUpperCase())
  const options = words.slice(0, words.indexOf('STREAMS') + 1)
  return options.includes('BLOCK')
}

/** The refusal of a command the protocol has no room for, undefined for all others. */
export function refuseUnavailable([name, ...args]: Command): CommandError | undefined {
  const upper = name.toUpperCase()
  const refused = blocks([upper, ...args]) ? `${upper} BLOCK` : upper
  if (refused === upper && !UNAVAILABLE.has(upper)) return undefined
  return { error: `ERR Command is not available: '${refused}'` }
}

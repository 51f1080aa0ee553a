import { startEmbedded } from './embedded'
import { attachExternal } from './external'
import { findOnPath } from './findOnPath'
import { startRedisServer } from './redisServer'
import type { EngineOptions, RedisEngine } from './types'

export type { EngineKind, EngineOptions, RedisEngine } from './types'

const PROGRAM = 'redis-server'

const MISSING_PROGRAM = `${PROGRAM} is not on the PATH. Install it (Debian and Ubuntu: apt-get install redis-server; \
macOS: brew install redis), or point REDIS_URL to a Redis that runs, or use the embedded engine.`

/** Resolves once the Redis answers. Rejects with an error that says what is missing. */
export async function startEngine({ kind, url, port = 0 }: EngineOptions): Promise<RedisEngine> {
  if (kind === 'external' || (kind === 'auto' && url !== undefined)) {
    if (url === undefined) throw new Error('an external Redis needs its url')
    return attachExternal(url)
  }
  const program = kind === 'embedded' ? undefined : findOnPath(PROGRAM)
  if (program !== undefined) return startRedisServer(program, port)
  if (kind === 'redis-server') throw new Error(MISSING_PROGRAM)
  return startEmbedded(port)
}

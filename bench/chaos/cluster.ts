/** Runs the servers under test: several production servers of one build over one Redis and one source. */
import { type NextProcess, startNext } from '@/tests/e2e/support/nextProcess'
import { startTestRedis, type TestRedis } from '@/tests/kit/redis/testRedis'
import { SOURCE_KEY, type Source, startSource } from './source'

export const SITE = 'bench/chaos/site'
export const ADMIN_TOKEN = 'admin-token-of-the-chaos-run'
const CRON_SECRET = 'cron-secret-of-the-chaos-run'
const NAMES = ['a', 'b', 'c'] as const
const KEY_PREFIX = 'chaos'

/**
 * Deadline of a whole refresh, in ms. A lease lasts half a second longer. The deadline includes the wait of a process whose
 * Redis has lost the requests of other processes (QUIET_MS of the rate limiter).
 */
const REFRESH_TIMEOUT_MS = 5_000

export const REDIS_TIMEOUT_MS = 1_000

export interface Server {
  readonly name: string
  readonly process: NextProcess
  /** Becomes false just before the server is killed. */
  alive: boolean
}

export interface Cluster {
  readonly redis: TestRedis
  readonly source: Source
  /** A killed server is replaced by the one started in its place. */
  readonly servers: readonly Server[]
  readonly everyServer: readonly Server[]
  /** Texts that must not appear in any output or answer. */
  readonly secrets: readonly string[]
  /** The key of a field's entry in Redis. */
  entryName(key: string): string
  /** A pattern for the keys of a field's leases. */
  leasePattern(key: string): string
  kill(server: Server): Promise<void>
  restart(server: Server): Promise<Server>
  stop(): Promise<void>
}

/** Needs the build of SITE and an installed redis-server. */
export async function startCluster(): Promise<Cluster> {
  const redis = await startTestRedis('redis-server')
  const source = await startSource()
  const env = {
    ...source.env,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    CACHE_KEY_PREFIX: KEY_PREFIX,
    CACHE_REFRESH_TIMEOUT_MS: String(REFRESH_TIMEOUT_MS),
    AIRTABLE_PAGE_TIMEOUT_MS: '1500',
    // A busy machine must not look like a failing Redis.
    CACHE_COMMAND_TIMEOUT_MS: String(REDIS_TIMEOUT_MS),
    CACHE_COMMAND_HARD_TIMEOUT_MS: String(REDIS_TIMEOUT_MS),
    // The default keeps the circuit open for a minute, which is most of a run.
    CACHE_CB_RECOVERY_TIMEOUT: '250',
    ADMIN_TOKEN,
    CRON_SECRET,
  }
  const start = async (name: string): Promise<Server> => ({
    name,
    process: await startNext(env, SITE),
    alive: true,
  })
  const servers = await Promise.all(NAMES.map(start))
  const everyServer = [...servers]
  return {
    redis,
    source,
    servers,
    everyServer,
    secrets: [ADMIN_TOKEN, CRON_SECRET, SOURCE_KEY, redis.token],
    entryName: (key) => `${KEY_PREFIX}:v1:${key}`,
    leasePattern: (key) => `${KEY_PREFIX}:v1~lease:${key}:*`,
    async kill(server) {
      server.alive = false
      await server.process.kill()
    },
    async restart(dead) {
      const server = await start(dead.name)
      servers[servers.indexOf(dead)] = server
      everyServer.push(server)
      return server
    },
    async stop() {
      await Promise.all(servers.map(({ process }) => process.stop()))
      await Promise.all([redis.stop(), source.server.close()])
    },
  }
}

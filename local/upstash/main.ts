import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startEngine } from '../engine'
import { withoutCredentials } from '../engine/external'
import { read } from '../env'
import { choosePort } from '../ports'
import { catchStopSignals } from '../supervise'
import { STATS_PATH, startUpstashServer } from './server'
import { LOCAL_PORT } from './settings'

const HELP = `Starts a server on 127.0.0.1 that speaks Upstash's REST protocol.

  npm run local:upstash -- [--port <n>] [--token <text>] [--help]

  --port, LOCAL_UPSTASH_PORT    port to listen on (default ${LOCAL_PORT}; 0 = any free one)
  --token                       what callers must present (default: a new random one)
  REDIS_URL                     the Redis behind it (default: redis-server if installed, else an embedded engine)
`

function reportFailure(error: unknown): void {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      port: { type: 'string' },
      token: { type: 'string' },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const variable = values.port === undefined ? 'LOCAL_UPSTASH_PORT' : '--port'
  const given = values.port ?? read(process.env, 'LOCAL_UPSTASH_PORT') ?? String(LOCAL_PORT)
  const { port } = await choosePort({ variable, given, fallback: LOCAL_PORT })
  const redisUrl = read(process.env, 'REDIS_URL')
  const engine = await startEngine({ kind: 'auto', ...(redisUrl === undefined ? {} : { url: redisUrl }) })
  const token = values.token ?? randomBytes(24).toString('hex')
  const server = await startUpstashServer({ redisUrl: engine.url, token, port }).catch(
    async (error: unknown) => {
      await engine.stop()
      throw error
    },
  )
  console.log(`Upstash server  ${server.url}  (counters at ${STATS_PATH})
Redis engine    ${withoutCredentials(engine.url)}  (${engine.kind})

  UPSTASH_REDIS_REST_URL=${server.url}
  UPSTASH_REDIS_REST_TOKEN=${token}

  curl -H 'Authorization: Bearer ${token}' ${server.url}/set/hello/world
`)
  catchStopSignals(() => {
    server
      .close()
      .then(() => engine.stop())
      .catch(reportFailure)
  })
}

run().catch(reportFailure)

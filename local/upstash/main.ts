import { randomBytes } from 'node:crypto'
import { startEngine } from '../engine'
import { withoutCredentials } from '../engine/external'
import { read } from '../env'
import { FAULTS_PATH } from '../faults'
import { runProgram } from '../program'
import { LOCAL_PORT, STATS_PATH, startUpstashServer } from './server'

const help = `Starts a server on 127.0.0.1 that speaks Upstash's REST protocol.

  npm run local:upstash -- [--port <n>] [--token <text>] [--help]

  --port, LOCAL_UPSTASH_PORT    port to listen on (default ${LOCAL_PORT}; 0 = any free one)
  --token                       the token that callers must send (default: a new random one)
  REDIS_URL                     the Redis behind it (default: redis-server if installed, else an embedded engine)

  GET, DELETE ${STATS_PATH}          the counters; reset them
  GET, POST, DELETE ${FAULTS_PATH}   faults on demand: POST {"kind":"hang","times":3}
`

async function start(port: number, { token = randomBytes(24).toString('hex') }: { token?: string }) {
  const url = read(process.env, 'REDIS_URL')
  const engine = await startEngine({ kind: 'auto', ...(url === undefined ? {} : { url }) })
  const starting = startUpstashServer({ redisUrl: engine.url, token, port })
  const server = await starting.catch((error) => engine.stop().then(() => Promise.reject(error)))
  const banner = `Upstash server  ${server.url}  (counters at ${STATS_PATH}, faults at ${FAULTS_PATH})
Redis engine    ${withoutCredentials(engine.url)}  (${engine.kind})

  UPSTASH_REDIS_REST_URL=${server.url}
  UPSTASH_REDIS_REST_TOKEN=${token}

  curl -H 'Authorization: Bearer ${token}' ${server.url}/set/hello/world
`
  return { banner, stop: () => server.close().then(engine.stop) }
}

runProgram({
  help,
  port: { variable: 'LOCAL_UPSTASH_PORT', fallback: LOCAL_PORT },
  options: ['token'],
  start,
})

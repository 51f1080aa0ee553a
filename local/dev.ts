import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { banner } from './banner'
import { compileRoutes } from './compileRoutes'
import { loadEnv } from './env'
import { choosePort, holdPort } from './ports'
import { startLocalStack } from './stack'
import { catchStopSignals, type StopSignal, signalExitCode, supervise } from './supervise'

const DEFAULT_PORT = 3000

/** The longest time from a stop signal to the exit, in ms. Next has less time, so this matters only on a hang. */
const LAST_RESORT_MS = 10_000

const HELP = `Starts the app with everything it needs: a Redis behind an Upstash-compatible server, an
Airtable-compatible server with sample people, and next dev. Ctrl-C ends all of it.

  npm run dev -- [--port <n>] [--help]

  --port, PORT                 port of the app (default ${DEFAULT_PORT}, or the next free one)
  LOCAL_UPSTASH_PORT           port of the Upstash server (default 8079, or the next free one)
  LOCAL_AIRTABLE_PORT          port of the Airtable server (default 8078, or the next free one)
  LOCAL_AIRTABLE_DATA          JSON file with other records: { table: { id, name }, view, records }
  LOCAL_AIRTABLE_LATENCY_MS    how long an Airtable answer takes, plus or minus a quarter (default 200)
  REDIS_URL                    a Redis to use instead of a local one

Real services are used when the environment or a .env file sets their variables:
  UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or KV_REST_API_URL and KV_REST_API_TOKEN
  AIRTABLE_API_KEY, AIRTABLE_RRHH_BASE_ID and AIRTABLE_RRHH_PEOPLE_TABLE_ID
ADMIN_TOKEN and CRON_SECRET are generated for each run unless they are set.

Both local servers fail on demand: POST {"kind":"slow","ms":3000,"times":1} to /__local/faults of either. An unknown
kind is answered with the list of kinds. GET shows the active fault, DELETE clears it.
`

async function develop(stop: AbortSignal, portOption: string | undefined): Promise<number> {
  const inherited = { ...process.env }
  const env = loadEnv(process.cwd())
  const { port, moved } = await choosePort({
    variable: portOption === undefined ? 'PORT' : '--port',
    given: portOption ?? env.PORT,
    fallback: DEFAULT_PORT,
  })
  // Reserved for Next, so that no server of the stack takes it.
  const free = await holdPort(port)
  const appUrl = `http://localhost:${port}${env.APP_BASE_PATH ?? ''}`
  const stack = await startLocalStack({ appUrl }, env).finally(free)
  try {
    if (stop.aborted) return signalExitCode(stop.reason as StopSignal)
    const ownSecrets = Object.keys(stack.env).filter((name) => env[name] === stack.env[name])
    const note = moved ? `port ${DEFAULT_PORT} is in use` : ''
    console.log(banner(appUrl, note, stack, ownSecrets))
    // Started with node itself, because a wrapper would be one more process to end.
    const next = createRequire(import.meta.url).resolve('next/dist/bin/next')
    const args = [next, 'dev', '-p', String(port)]
    // Next reads the .env files itself. Passing their values would make it expand a "$" in them twice.
    const added = Object.entries(stack.env).filter(([name, value]) => env[name] !== value)
    const childEnv = { ...inherited, ...Object.fromEntries(added) }
    const ended = new AbortController()
    void compileRoutes(appUrl, AbortSignal.any([stop, ended.signal])).then(stack.appStarted)
    try {
      return await supervise({ file: process.execPath, args, env: childEnv }, stop)
    } finally {
      ended.abort()
    }
  } finally {
    await stack.stop()
  }
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, port: { type: 'string', short: 'p' } },
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const stop = new AbortController()
  catchStopSignals((signal) => {
    stop.abort(signal)
    setTimeout(() => process.exit(signalExitCode(signal)), LAST_RESORT_MS).unref()
  })
  return develop(stop.signal, values.port)
}

run().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  },
)

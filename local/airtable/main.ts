import { parseArgs } from 'node:util'
import { samplePeople } from '../data/loadPeople'
import { read, readMilliseconds } from '../env'
import { FAULTS_PATH } from '../faults'
import { choosePort } from '../ports'
import { catchStopSignals } from '../supervise'
import { CONTROLS_PATH, DEVELOPMENT, STATS_PATH, startAirtableServer } from './server'

const HELP = `Starts an Airtable-compatible server with sample people on 127.0.0.1.

  npm run local:airtable -- [--port <n>] [--help]

  --port, LOCAL_AIRTABLE_PORT    port to listen on (default ${DEVELOPMENT.port}; 0 = any free one)
  LOCAL_AIRTABLE_DATA            JSON file with other records: { table: { id, name }, view, records }
  LOCAL_AIRTABLE_LATENCY_MS      how long an answer takes, plus or minus a quarter (default ${DEVELOPMENT.latencyMs})

Counters: GET or DELETE ${STATS_PATH}. Faults: POST {"kind":"bad-gateway","times":3} to ${FAULTS_PATH}; GET, DELETE.
Webhooks and reads: POST {"splitPayloads":2} or {"do":"expire"} to ${CONTROLS_PATH}; GET, DELETE.
`

async function run(): Promise<void> {
  const options = { help: { type: 'boolean', short: 'h' }, port: { type: 'string' } } as const
  const { values } = parseArgs({ options })
  if (values.help) return console.log(HELP)
  const { base, table, what } = samplePeople(process.env)
  const variable = values.port === undefined ? 'LOCAL_AIRTABLE_PORT' : '--port'
  const given = values.port ?? read(process.env, 'LOCAL_AIRTABLE_PORT') ?? String(DEVELOPMENT.port)
  const { port } = await choosePort({ variable, given, fallback: DEVELOPMENT.port })
  const latencyMs = readMilliseconds(process.env, 'LOCAL_AIRTABLE_LATENCY_MS', DEVELOPMENT.latencyMs)
  const server = await startAirtableServer({ ...base, port, latencyMs })
  console.log(`Airtable server  ${server.url}  (${what}, counters at ${STATS_PATH}, faults at ${FAULTS_PATH})

  AIRTABLE_ENDPOINT_URL=${server.url}
  AIRTABLE_API_KEY=${server.apiKey}
  AIRTABLE_RRHH_BASE_ID=${server.baseId}
  AIRTABLE_RRHH_PEOPLE_TABLE_ID=${table.id}

  curl -H 'Authorization: Bearer ${server.apiKey}' '${server.url}/v0/${server.baseId}/${table.id}?pageSize=3'
`)
  catchStopSignals(() => void server.close())
}

run().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

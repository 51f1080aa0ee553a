import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { read, readMilliseconds } from '../env'
import { choosePort } from '../ports'
import { catchStopSignals } from '../supervise'
import { loadPeople } from './loadPeople'
import { generatePeople } from './people'
import { STATS_PATH, startAirtableServer } from './server'
import { DEFAULT_LATENCY_MS, LOCAL_API_KEY, LOCAL_PORT } from './settings'

const HELP = `Starts an Airtable-compatible server with sample people on 127.0.0.1.

  npm run local:airtable -- [--port <n>] [--help]

  --port, LOCAL_AIRTABLE_PORT    port to listen on (default ${LOCAL_PORT}; 0 = any free one)
  LOCAL_AIRTABLE_DATA            JSON file with other records: { table: { id, name }, view, records }
  LOCAL_AIRTABLE_LATENCY_MS      how long an answer takes, give or take a quarter (default ${DEFAULT_LATENCY_MS})
`

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, port: { type: 'string' } },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const file = read(process.env, 'LOCAL_AIRTABLE_DATA')
  const table = file === undefined ? generatePeople() : loadPeople(resolve(file))
  const variable = values.port === undefined ? 'LOCAL_AIRTABLE_PORT' : '--port'
  const given = values.port ?? read(process.env, 'LOCAL_AIRTABLE_PORT') ?? String(LOCAL_PORT)
  const { port } = await choosePort({ variable, given, fallback: LOCAL_PORT })
  const server = await startAirtableServer({
    apiKey: LOCAL_API_KEY,
    tables: [table],
    port,
    latencyMs: readMilliseconds(process.env, 'LOCAL_AIRTABLE_LATENCY_MS', DEFAULT_LATENCY_MS),
  })
  console.log(`Airtable server  ${server.url}  (${table.records.length} records, counters at ${STATS_PATH})

  AIRTABLE_ENDPOINT_URL=${server.url}
  AIRTABLE_API_KEY=${server.apiKey}
  AIRTABLE_RRHH_BASE_ID=${server.baseId}
  AIRTABLE_RRHH_PEOPLE_TABLE_ID=${table.id}

  curl -H 'Authorization: Bearer ${server.apiKey}' '${server.url}/v0/${server.baseId}/${table.id}?pageSize=3'
`)
  catchStopSignals(() => {
    server.close().catch(reportFailure)
  })
}

function reportFailure(error: unknown): void {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

run().catch(reportFailure)

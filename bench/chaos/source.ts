/** The source of the run: one record whose version goes up, so that every answer tells how old it is. */
import { type AirtableServer, startAirtableServer } from '@/local/airtable/server'
import { VERSION_COLUMN } from './names'

/** How long the source takes, in ms, give or take a quarter. */
const LATENCY_MS = 300
/** Faults of the source hit the reads of the servers, not the edits of the run itself. */
export const READS_ONLY = '^GET '

export const SOURCE_KEY = 'patChaosSourceKey'
const BASE_ID = 'appChaosBase00001'
const TABLE_ID = 'tblChaosTable0001'
const RECORD_ID = 'recChaosRecord001'

/** A version of the source, and from when on (monotonic ms) a read of it shows this version or a later one. */
export interface Edit {
  readonly version: number
  readonly since: number
}

export interface Source {
  readonly server: AirtableServer
  readonly env: Readonly<Record<string, string>>
  /** Oldest first. */
  readonly edits: readonly Edit[]
  /** Reads that the servers have made so far, whatever became of them. */
  reads(): number
  /** Raises the version. */
  edit(): Promise<void>
}

export async function startSource(): Promise<Source> {
  const first = { version: 1, since: performance.now() }
  let time = 0
  const server = await startAirtableServer({
    apiKey: SOURCE_KEY,
    baseId: BASE_ID,
    latencyMs: LATENCY_MS,
    // No two requests within a second: a rate limit of its own would be a fault that nobody has ordered.
    clock: () => {
      time += 1_000
      return time
    },
    tables: [
      {
        id: TABLE_ID,
        name: 'Chaos',
        fields: { [VERSION_COLUMN]: 'number', Text: 'multilineText' },
        views: [],
        records: [
          {
            id: RECORD_ID,
            createdTime: new Date(0).toISOString(),
            fields: { [VERSION_COLUMN]: first.version, Text: 'what a page shows '.repeat(120) },
          },
        ],
      },
    ],
  })
  const edits: Edit[] = [first]
  return {
    server,
    edits,
    env: {
      AIRTABLE_API_KEY: SOURCE_KEY,
      AIRTABLE_ENDPOINT_URL: server.url,
      AIRTABLE_RRHH_BASE_ID: BASE_ID,
      AIRTABLE_RRHH_PEOPLE_TABLE_ID: TABLE_ID,
    },
    reads: () => server.counters.byKind.list ?? 0,
    async edit() {
      const version = (edits.at(-1)?.version ?? 0) + 1
      const response = await fetch(`${server.url}/v0/${BASE_ID}/${TABLE_ID}/${RECORD_ID}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${SOURCE_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fields: { [VERSION_COLUMN]: version } }),
      })
      if (!response.ok) throw new Error(`the source refused an edit: HTTP ${response.status}`)
      await response.arrayBuffer()
      edits.push({ version, since: performance.now() })
    },
  }
}

/** Serves one record with a rising version, so that every answer shows its age. */
import { type AirtableServer, startAirtableServer } from '@/local/airtable/server'
import { VERSION_COLUMN } from './names'

/** How long the source takes, in ms, plus or minus a quarter. */
const LATENCY_MS = 300
export const READS_ONLY = '^GET '

export const SOURCE_KEY = 'patChaosSourceKey'
const BASE_ID = 'appChaosBase00001'
const TABLE_ID = 'tblChaosTable0001'
const RECORD_ID = 'recChaosRecord001'

/** Reads that begin at `since` (monotonic, in ms) or later show this version or a later one. */
export interface Edit {
  readonly version: number
  readonly since: number
}

export interface Source {
  readonly server: AirtableServer
  readonly env: Readonly<Record<string, string>>
  /** Oldest first. */
  readonly edits: readonly Edit[]
  /** Reads that the servers have sent so far, including failed ones. */
  reads(): number
  edit(): Promise<void>
}

export async function startSource(): Promise<Source> {
  const first = { version: 1, since: performance.now() }
  let time = 0
  const server = await startAirtableServer({
    apiKey: SOURCE_KEY,
    baseId: BASE_ID,
    latencyMs: LATENCY_MS,
    // A second between requests, because the source's own rate limit would be one more fault.
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

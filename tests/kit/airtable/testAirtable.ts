import { type AirtableServer, type AirtableServerOptions, startAirtableServer } from '@/local/airtable/server'
import { AGENTS_VIEW, EVERYONE_VIEW, generatePeople, PEOPLE_BASE, PEOPLE_TABLE } from '@/local/data/people'

/** Where the sample people are, for tests that ask for them. */
export const TEST_AIRTABLE = {
  apiKey: 'patTestAirtable',
  baseId: PEOPLE_BASE.baseId,
  tableId: PEOPLE_TABLE.id,
  tableName: PEOPLE_TABLE.name,
  view: AGENTS_VIEW.name,
  viewId: AGENTS_VIEW.id,
  everyoneView: EVERYONE_VIEW.name,
} as const

/**
 * The local Airtable server with the sample people, without latency, on a port of the system's choice. It keeps the
 * rate limit: a test that reads more than five pages a second passes its own `clock`. Close it when done.
 */
export function startTestAirtable(overrides: Partial<AirtableServerOptions> = {}): Promise<AirtableServer> {
  const { apiKey, baseId } = TEST_AIRTABLE
  return startAirtableServer({ apiKey, baseId, tables: [generatePeople()], ...overrides })
}

/** A record as the server answers it. */
export interface AnsweredRecord {
  id: string
  createdTime: string
  fields: Record<string, unknown>
}

/** Asks as a plain HTTP client, with the key, and tells the status and the body; `path` begins after the base. */
export async function askAirtable(
  { url, baseId, apiKey }: AirtableServer,
  path: string,
  { method = 'GET', body }: { method?: string; body?: unknown } = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}/v0/${baseId}/${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

/** The same for tests that read more than five pages a second: by its clock each look is a second after the last one. */
export function startUnlimitedAirtable(): Promise<AirtableServer> {
  let looks = 0
  return startTestAirtable({
    clock: () => {
      looks += 1
      return looks * 1_000
    },
  })
}

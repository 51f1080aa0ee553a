import { AGENTS_VIEW, EVERYONE_VIEW, generatePeople, PEOPLE_TABLE } from '@/local/airtable/people'
import {
  type AirtableServer,
  type AirtableServerOptions,
  LOCAL_BASE_ID,
  startAirtableServer,
} from '@/local/airtable/server'

/** Where the sample people are, for tests that ask for them. */
export const TEST_AIRTABLE = {
  apiKey: 'patTestAirtable',
  baseId: LOCAL_BASE_ID,
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
  return startAirtableServer({ apiKey: TEST_AIRTABLE.apiKey, tables: [generatePeople()], ...overrides })
}

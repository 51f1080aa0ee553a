import type { AirtableServer } from '@/local/airtable/server'
import { TEST_AIRTABLE } from '../airtable/testAirtable'

/** Sets variables for the code under test; undefined unsets. A test file has its process to itself. */
export function setEnvironment(variables: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}

/** What the app needs to reach the servers of a test. */
export function appEnvironment(redis: { url: string; token: string }, airtable: Pick<AirtableServer, 'url'>) {
  return {
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    CACHE_COMMAND_TIMEOUT_MS: '2000',
    CACHE_CB_RECOVERY_TIMEOUT: '20',
    AIRTABLE_API_KEY: TEST_AIRTABLE.apiKey,
    AIRTABLE_ENDPOINT_URL: airtable.url,
    AIRTABLE_RRHH_BASE_ID: TEST_AIRTABLE.baseId,
    AIRTABLE_RRHH_PEOPLE_TABLE_ID: TEST_AIRTABLE.tableId,
  }
}

import type { AirtableServer } from '@/local/airtable/server'
import { startTestAirtable, TEST_AIRTABLE } from '../../kit/airtable/testAirtable'
import { startTestRedis, type TestRedis } from '../../kit/redis/testRedis'

export const ADMIN_TOKEN = 'admin-token-of-the-browser-tests'
export const CRON_SECRET = 'cron-secret-of-the-browser-tests'

export interface Backends {
  redis: TestRedis
  airtable: AirtableServer
  /** What the app must be started with. */
  env: Record<string, string>
  stop(): Promise<void>
}

/** A Redis behind an Upstash server, and an Airtable with the sample people. */
export async function startBackends(): Promise<Backends> {
  const [redis, airtable] = await Promise.all([startTestRedis(), startTestAirtable()])
  return {
    redis,
    airtable,
    env: {
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      AIRTABLE_API_KEY: TEST_AIRTABLE.apiKey,
      AIRTABLE_ENDPOINT_URL: airtable.url,
      AIRTABLE_RRHH_BASE_ID: TEST_AIRTABLE.baseId,
      AIRTABLE_RRHH_PEOPLE_TABLE_ID: TEST_AIRTABLE.tableId,
      // The minute that the circuit stays open by default is too long for a test.
      CACHE_CB_RECOVERY_TIMEOUT: '500',
      ADMIN_TOKEN,
      CRON_SECRET,
    },
    async stop() {
      await Promise.all([redis.stop(), airtable.close()])
    },
  }
}

import { type AirtableServer, startAirtableServer } from '@/local/airtable/server'
import { startTestRedis, type TestRedis } from '../redis/testRedis'
import { startWorkers, type Worker, type WorkerField } from './workers'

/** Server processes over one Redis and one local Airtable, whose table of three records is a page. */
export interface AirtableWorkers {
  redis: TestRedis
  airtable: AirtableServer
  workers: Worker[]
  stop(): Promise<void>
}

const TABLE_ID = 'tblTestSmall000001'
const NAMES = ['Ana', 'Luis', 'Rosa']

export async function startAirtableWorkers(count: number): Promise<AirtableWorkers> {
  const redis = await startTestRedis()
  const airtable = await startAirtableServer({
    apiKey: 'patTestAirtable',
    baseId: 'appTestSmall00001',
    // As long as the real one takes.
    latencyMs: 200,
    tables: [
      {
        id: TABLE_ID,
        name: 'Small',
        fields: { Name: 'singleLineText' },
        views: [],
        records: NAMES.map((Name, index) => ({
          id: `recTestSmall0000${index}`,
          createdTime: new Date(0).toISOString(),
          fields: { Name },
        })),
      },
    ],
  })
  const { url, apiKey, baseId } = airtable
  const workers = await startWorkers(count, redis, {
    refreshTimeoutMs: 25_000,
    airtable: { url, apiKey, baseId, tableId: TABLE_ID },
  })
  return {
    redis,
    airtable,
    workers,
    async stop() {
      await Promise.all(workers.map((worker) => worker.kill()))
      await airtable.close()
      await redis.stop()
    },
  }
}

/** What a field that reads the whole table answers. */
export const WHOLE_TABLE = `${NAMES.length} records`

/** So many fields that read the whole table each; stale for ten minutes after a minute. */
export function tableFields(count: number): WorkerField[] {
  return Array.from({ length: count }, (_, number) => ({
    key: `people:${number}`,
    ttl: 60,
    staleWhileRevalidate: 600,
    staleIfError: 600,
    memoryTtl: 0,
  }))
}

import { afterAll, beforeAll, beforeEach } from 'vitest'
import { startTestRedis, type TestRedis } from '../redis/testRedis'
import { type CountedSource, startCountedSource } from './countedSource'
import { startWorkers, type Worker, type WorkerField, type WorkerSettings } from './workers'

/** Several server processes over one Redis and one source. Use its members inside tests only. */
export interface Cluster {
  redis: TestRedis
  source: CountedSource
  workers: [Worker, Worker, Worker]
}

/** Three processes for the tests of a file; each test begins with an empty Redis. */
export function clusterForThisFile(settings: WorkerSettings = {}): Cluster {
  const cluster = {} as Cluster
  beforeAll(async () => {
    const redis = await startTestRedis()
    const [source, workers] = await Promise.all([startCountedSource(), startWorkers(3, redis, settings)])
    Object.assign(cluster, { redis, source, workers })
  })
  beforeEach(async () => {
    await cluster.redis.flush()
    cluster.redis.upstash.resetCounters()
  })
  afterAll(async () => {
    await Promise.all(cluster.workers.map((worker) => worker.kill()))
    await cluster.source.close()
    await cluster.redis.stop()
  })
  return cluster
}

/** A field that always asks Redis, unless `rest` gives it memory. */
export function fieldOf(
  { source }: Pick<Cluster, 'source'>,
  key: string,
  rest: Partial<WorkerField> = {},
): WorkerField {
  return { key, url: source.url, ttl: 60, memoryTtl: 0, ...rest }
}

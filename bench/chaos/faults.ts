import { type Cluster, REDIS_TIMEOUT_MS } from './cluster'
import { killLeaseHolder } from './killLeaseHolder'
import type { Load } from './load'
import { READS_ONLY } from './source'

/** The number of source calls that the contract allows depends on what works. */
export interface Availability {
  readonly redis: 'works' | 'fails'
  readonly source: 'works' | 'fails'
}

export interface Fault extends Availability {
  readonly name: string
  begin(cluster: Cluster, load: Load): Promise<void>
  end(cluster: Cluster, load: Load): Promise<void>
}

type RedisFault = Parameters<Cluster['redis']['upstash']['faults']['set']>[0]
type SourceFault = Parameters<Cluster['source']['server']['faults']['set']>[0]

const redisFault = (name: string, redis: Availability['redis'], fault: RedisFault): Fault => ({
  name: `redis ${name}`,
  redis,
  source: 'works',
  begin: (cluster) => cluster.redis.upstash.faults.set(fault),
  end: (cluster) => cluster.redis.upstash.faults.clear(),
})

const sourceFault = (name: string, fault: SourceFault): Fault => ({
  name: `source ${name}`,
  redis: 'works',
  source: 'fails',
  begin: (cluster) => cluster.source.server.faults.set({ ...fault, match: READS_ONLY }),
  end: (cluster) => cluster.source.server.faults.clear(),
})

export const FAULTS: readonly Fault[] = [
  redisFault('reset', 'fails', { kind: 'reset' }),
  redisFault('refused', 'fails', { kind: 'refuse' }),
  redisFault('hung', 'fails', { kind: 'hang' }),
  redisFault('slow, in time', 'works', { kind: 'slow', ms: REDIS_TIMEOUT_MS / 10 }),
  redisFault('slow, too late', 'fails', { kind: 'slow', ms: REDIS_TIMEOUT_MS * 1.5 }),
  redisFault('replies lost', 'fails', { kind: 'lost-reply' }),
  redisFault('500', 'fails', { kind: 'error' }),
  redisFault('429', 'fails', { kind: 'rate-limit' }),
  redisFault('garbage', 'fails', { kind: 'garbage' }),
  {
    name: 'redis flushed',
    redis: 'works',
    source: 'works',
    begin: ({ redis }) => redis.flush(),
    end: async () => undefined,
  },
  {
    name: 'redis killed, back empty',
    redis: 'fails',
    source: 'works',
    begin: ({ redis }) => redis.killEngine(),
    end: ({ redis }) => redis.reviveEngine(),
  },
  sourceFault('500', { kind: 'error' }),
  sourceFault('hung', { kind: 'hang' }),
  sourceFault('429', { kind: 'rate-limit' }),
  sourceFault('wrong shape', { kind: 'wrong-shape' }),
  {
    name: 'redis refused, source 500',
    redis: 'fails',
    source: 'fails',
    async begin(cluster) {
      await cluster.source.server.faults.set({ kind: 'error', match: READS_ONLY })
      await cluster.redis.upstash.faults.set({ kind: 'refuse' })
    },
    async end(cluster) {
      await cluster.redis.upstash.faults.clear()
      await cluster.source.server.faults.clear()
    },
  },
  {
    name: 'lease holder killed',
    redis: 'works',
    source: 'works',
    begin: killLeaseHolder,
    end: async () => undefined,
  },
]

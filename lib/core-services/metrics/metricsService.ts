/** The metrics of this app: what this process counts, and the sum over all instances. */
import { metricsEnabled } from '../../config/appConfig'
import { getErrorCode, getErrorMessage, hasCode } from '../../shared/errors'
import type { FieldCacheEvent } from '../../shared/events'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import type { CacheService } from '../cache/cacheService'
import { isRedisFailure } from '../cache/errors'
import type { RefusedWrites } from '../cache/redis/transport/writeHealth'
import { serviceRegistry } from '../service-registry'
import '../serviceLoader'
import { createMetricsStore, type MetricsStore, type StoredMetrics } from './metricsStore'
import { createTeller, type MetricsTeller } from './reporter'
import type { InstanceMetrics, MetricsSnapshot } from './snapshot'
import { summarize } from './summarize'

export interface ReadOptions {
  /** How old the numbers may be, in ms: what was read since then is not asked for again. 5,000 by default. */
  maxAgeMs?: number
}

const MAX_AGE_MS = 5_000

/**
 * The metrics of the whole deployment. Never rejects because of Redis: then `scope` is `process`. Costs one command, and
 * none when this process asked within `maxAgeMs`.
 */
export async function readMetrics({ maxAgeMs = MAX_AGE_MS }: ReadOptions = {}): Promise<MetricsSnapshot> {
  const enabled = metricsEnabled()
  const { clock, atRequest } = processPorts()
  await atRequest()
  const metrics = processMetrics()
  const now = clock.now()
  const stored = enabled ? await storedMetrics(metrics, maxAgeMs) : null
  const refused = await metrics.refusedWrites()
  const scope = {
    enabled,
    scope: stored ? ('deployment' as const) : ('process' as const),
    ...(refused && { refusedWrites: { code: refused.code, since: refused.since } }),
  }
  return summarize(stored ?? ownMetrics(metrics, now), metrics.self(now), now, scope)
}

/** What this process alone knows: as if all of it had just been counted. */
function ownMetrics({ teller }: ProcessMetrics, now: number): StoredMetrics {
  const total = teller.untold()
  const slots = [{ at: now, seconds: 60, sums: total.sums }]
  return { since: null, total, live: new Map(), minutes: slots, hours: slots }
}

/** What `readMetrics` answers, by the name that monitoring of the app's forerunners asks for. */
export const getMetricsSnapshot = (): Promise<MetricsSnapshot> => readMetrics()

/** Counts an event of this process, and sees to it that the others are told. */
export function countEvent(event: FieldCacheEvent): void {
  processMetrics().teller.record(event)
}

interface ProcessMetrics {
  teller: MetricsTeller
  self(now: number): InstanceMetrics
  store(): Promise<MetricsStore>
  /** Null when Redis took the last write of this process, or cannot be asked. */
  refusedWrites(): Promise<Readonly<RefusedWrites> | null>
  last?: { at: number; reading: Promise<StoredMetrics> }
}

function processMetrics(): ProcessMetrics {
  return processState('metrics', createProcessMetrics)
}

/** Exported for tests that start anew within one process. */
export function createProcessMetrics(): ProcessMetrics {
  const { clock, uniqueToken } = processPorts()
  const id = uniqueToken().slice(0, 12)
  const startedAt = clock.monotonic()
  let cache: CacheService | undefined
  let opened: MetricsStore | undefined

  async function connected(): Promise<CacheService> {
    cache = await serviceRegistry.getService('cache')
    return cache
  }

  async function store(): Promise<MetricsStore> {
    opened ??= createMetricsStore((await connected()).internals)
    return opened
  }

  /** Needs no numbers, so it is told as well while nothing is counted. */
  async function refusedWrites(): Promise<Readonly<RefusedWrites> | null> {
    try {
      return await (await connected()).checkWrites()
    } catch (error) {
      if (!hasCode(error, 'SERVICE_FAILED')) throw error
      return null
    }
  }

  function self(now: number): InstanceMetrics {
    return {
      id,
      seenAt: now,
      startedAt: Math.round(now - (processPorts().clock.monotonic() - startedAt)),
      breaker: cache?.breaker.state ?? 'closed',
      locks: cache?.lock.held.length ?? 0,
    }
  }

  const teller = createTeller({
    store,
    self,
    ports: processPorts,
    // Nobody waits for it, not even the end of the process.
    later: (milliseconds, work) => setTimeout(work, milliseconds).unref(),
    failed: (error) =>
      processPorts().emit({
        type: 'redis.degraded',
        operation: 'metrics',
        code: getErrorCode(error),
        message: getErrorMessage(error),
      }),
  })
  return { teller, self, store, refusedWrites }
}

/** Null when Redis cannot be asked. */
async function storedMetrics(metrics: ProcessMetrics, maxAgeMs: number): Promise<StoredMetrics | null> {
  const { clock } = processPorts()
  const now = clock.monotonic()
  if (!metrics.last || now - metrics.last.at >= maxAgeMs) {
    const reading = metrics.store().then((store) => {
      metrics.teller.spent(1)
      return store.read(clock.now())
    })
    metrics.last = { at: now, reading }
  }
  try {
    return await metrics.last.reading
  } catch (error) {
    if (!isRedisFailure(error) && !hasCode(error, 'SERVICE_FAILED')) throw error
    return null
  }
}

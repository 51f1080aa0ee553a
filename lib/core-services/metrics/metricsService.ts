/** The metrics of the deployment: what this process counts, and the sum over all instances. */

import { metricsEnabled } from '../../config/appConfig'
import { hasCode } from '../../shared/errors'
import type { FieldCacheEvent } from '../../shared/events'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import type { CacheService } from '../cache/cacheService'
import { isRedisFailure } from '../cache/errors'
import { reportDegraded } from '../cache/redis/reportDegraded'
import type { RefusedWrites } from '../cache/redis/transport/writeHealth'
import { serviceRegistry } from '../service-registry'
import '../serviceLoader'
import { createMetricsStore, type MetricsStore, type StoredMetrics } from './metricsStore'
import { createReporter, type MetricsReporter } from './reporter'
import type { InstanceMetrics, MetricsSnapshot } from './snapshot'
import { summarize } from './summarize'

export interface ReadOptions {
  /** How old the numbers may be, in ms; younger ones are not read from Redis again. @default 5000 */
  maxAgeMs?: number
}

const MAX_AGE_MS = 5_000

/**
 * Reads the metrics of the whole deployment. Costs one command, or none when this process read them within `maxAgeMs`.
 * Does not reject when Redis cannot be reached: then `scope` is `process`.
 */
export async function readMetrics({ maxAgeMs = MAX_AGE_MS }: ReadOptions = {}): Promise<MetricsSnapshot> {
  const enabled = metricsEnabled()
  const { clock, atRequest } = processPorts()
  await atRequest()
  const metrics = processMetrics()
  const now = clock.now()
  const stored = enabled ? await readStored(metrics, maxAgeMs) : null
  const refused = await metrics.refusedWrites()
  const scope = {
    enabled,
    scope: stored ? ('deployment' as const) : ('process' as const),
    ...(refused && { refusedWrites: { code: refused.code, since: refused.since } }),
  }
  return summarize(stored ?? toOwnMetrics(metrics, now), metrics.describeSelf(now), now, scope)
}

/** What this process has not reported yet, as if all of it had just been counted. */
function toOwnMetrics({ reporter }: ProcessMetrics, now: number): StoredMetrics {
  const total = reporter.unreported()
  const slots = [{ at: now, seconds: 60, sums: total.sums }]
  return { since: null, total, live: new Map(), minutes: slots, hours: slots }
}

/** The same as `readMetrics()`, under the name that monitoring of the app's forerunners uses. */
export const getMetricsSnapshot = (): Promise<MetricsSnapshot> => readMetrics()

/** Counts an event of this process, and plans its report to the other instances. */
export function countEvent(event: FieldCacheEvent): void {
  processMetrics().reporter.record(event)
}

interface ProcessMetrics {
  reporter: MetricsReporter
  describeSelf(now: number): InstanceMetrics
  store(): Promise<MetricsStore>
  /** Null when Redis took the last write of this process, or cannot be reached. */
  refusedWrites(): Promise<Readonly<RefusedWrites> | null>
  last?: { at: number; reading: Promise<StoredMetrics> }
}

function processMetrics(): ProcessMetrics {
  return processState('metrics', createProcessMetrics)
}

/** Exported for tests that start a new instance within one process. */
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

  /** Also known while counting is off: it needs no numbers. */
  async function refusedWrites(): Promise<Readonly<RefusedWrites> | null> {
    try {
      return await (await connected()).checkWrites()
    } catch (error) {
      if (!hasCode(error, 'SERVICE_FAILED')) throw error
      return null
    }
  }

  function describeSelf(now: number): InstanceMetrics {
    return {
      id,
      seenAt: now,
      startedAt: Math.round(now - (processPorts().clock.monotonic() - startedAt)),
      breaker: cache?.breaker.state ?? 'closed',
      locks: cache?.lock.held.length ?? 0,
    }
  }

  const reporter = createReporter({
    store,
    describeSelf,
    ports: processPorts,
    // The timer must not keep the process alive.
    later: (milliseconds, work) => setTimeout(work, milliseconds).unref(),
    onFailure: (error) => reportDegraded(processPorts(), 'metrics', error),
  })
  return { reporter, describeSelf, store, refusedWrites }
}

/** Null when Redis cannot be reached. */
async function readStored(metrics: ProcessMetrics, maxAgeMs: number): Promise<StoredMetrics | null> {
  const { clock } = processPorts()
  const now = clock.monotonic()
  if (!metrics.last || now - metrics.last.at >= maxAgeMs) {
    const reading = metrics.store().then((store) => {
      metrics.reporter.countOwnCommands(1)
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

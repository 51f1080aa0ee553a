/** The metrics of the deployment: what this process counts, and the sum over all instances. */
import { metricsEnabled } from '../../config/appConfig'
import { hasCode } from '../../shared/errors'
import type { FieldCacheEvent } from '../../shared/events'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import type { CacheService } from '../cache/cacheService'
import { isRedisFailure } from '../cache/errors'
import { reportDegraded } from '../cache/redis/reportDegraded'
import { serviceRegistry } from '../service-registry'
import '../serviceLoader'
import { createMetricsStore, type MetricsStore, type StoredMetrics } from './metricsStore'
import { createReporter } from './reporter'
import { type MetricsSnapshot, summarize } from './snapshot'

/**
 * Reads the metrics of the whole deployment. Costs one command, or none when this process read them within `maxAgeMs`, by
 * default 5 s. Does not reject when Redis cannot be reached: then `scope` is `process`.
 */
export async function readMetrics({ maxAgeMs = 5_000 } = {}): Promise<MetricsSnapshot> {
  const enabled = metricsEnabled()
  const { clock, atRequest } = processPorts()
  await atRequest()
  const metrics = processMetrics()
  const now = clock.now()
  const stored = enabled ? await nullWhenDown(metrics.readStored(maxAgeMs)) : null
  const refused = await nullWhenDown(metrics.checkWrites())
  return summarize(stored ?? metrics.readOwn(now), metrics.describeSelf(now), now, {
    enabled,
    scope: stored ? 'deployment' : 'process',
    ...(refused && { refusedWrites: { code: refused.code, since: refused.since } }),
  })
}

function nullWhenDown<T>(reading: Promise<T>): Promise<T | null> {
  return reading.catch((error: unknown) => {
    if (isRedisFailure(error) || hasCode(error, 'SERVICE_FAILED')) return null
    throw error
  })
}

/** The same as `readMetrics()`, under the name that monitoring of the app's forerunners uses. */
export const getMetricsSnapshot = (): Promise<MetricsSnapshot> => readMetrics()

/** Counts an event of this process, and plans its report to the other instances. */
export function countEvent(event: FieldCacheEvent): void {
  processMetrics().reporter.record(event)
}

const processMetrics = () => processState('metrics', createProcessMetrics)

/** Exported for tests that start a new instance within one process. */
export function createProcessMetrics() {
  const { clock, uniqueToken } = processPorts()
  const id = uniqueToken().slice(0, 12)
  const startedAt = clock.monotonic()
  let cache: CacheService | undefined
  let store: MetricsStore | undefined
  let last: { at: number; reading: Promise<StoredMetrics> } | undefined

  async function connect(): Promise<CacheService> {
    cache = await serviceRegistry.getService('cache')
    return cache
  }

  async function openStore(): Promise<MetricsStore> {
    store ??= createMetricsStore((await connect()).internals)
    return store
  }

  function describeSelf(now: number) {
    return {
      id,
      seenAt: now,
      startedAt: Math.round(now - (processPorts().clock.monotonic() - startedAt)),
      breaker: cache?.breaker.state ?? 'closed',
      locks: cache?.lock.held.length ?? 0,
    }
  }

  const reporter = createReporter({
    store: openStore,
    describeSelf,
    ports: processPorts,
    // The timer must not keep the process alive.
    later: (milliseconds, work) => setTimeout(work, milliseconds).unref(),
    onFailure: (error) => reportDegraded(processPorts(), 'metrics', error),
  })

  async function readNow(): Promise<StoredMetrics> {
    const opened = await openStore()
    reporter.countOwnCommands(1)
    return opened.read(processPorts().clock.now())
  }

  return {
    reporter,
    describeSelf,
    /** Null when Redis took the last write of this process. Also known while counting is off. */
    checkWrites: async () => (await connect()).checkWrites(),

    readStored(maxAgeMs: number): Promise<StoredMetrics> {
      const now = processPorts().clock.monotonic()
      if (!last || now - last.at >= maxAgeMs) last = { at: now, reading: readNow() }
      return last.reading
    },

    /** What this process has not reported yet, as if all of it had just been counted. */
    readOwn(now: number): StoredMetrics {
      const total = reporter.unreported()
      const slots = [{ at: now, seconds: 60, sums: total.sums }]
      return { since: null, total, live: [], minutes: slots, hours: slots }
    },
  }
}

/** Whether the services can be used. Judged by traffic where there was some: a check of its own is billed, too. */
import type { CacheService } from '../../core-services/cache/cacheService'
import { rootFailure } from '../../core-services/cache/errors'
import { type Services, serviceRegistry } from '../../core-services/service-registry'
import { getErrorCode, getErrorMessage, isCodedError } from '../../shared/errors'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import '../../core-services/serviceLoader'

/** How long a request or a ping tells about Redis, in ms: without any, it is pinged that seldom. */
const TELLS_MS = 30_000

interface ServiceHealth {
  ok: boolean
  code?: string
  message?: string
  /** How to mend it. */
  hint?: string
  /** Since when Redis refuses what it is to keep, ISO 8601. */
  since?: string
  latencyMs?: number
}

export type ServicesHealth = Record<keyof Services, ServiceHealth>

export async function checkServices(): Promise<ServicesHealth> {
  const [cache, airtable] = await Promise.all([
    check(async () => cacheHealth(await serviceRegistry.getService('cache'))),
    // Airtable is not asked: a health check must not use up its rate limit.
    check(async () => {
      await serviceRegistry.getService('airtable')
      return { ok: true }
    }),
  ])
  return { cache, airtable }
}

/**
 * `unavailable` only for what this instance cannot do without: pages are served while Redis fails, and every instance
 * would be taken out of a load balancer at once.
 */
export function summarizeStatus({ cache, airtable }: ServicesHealth): 'ok' | 'degraded' | 'unavailable' {
  if (!airtable.ok) return 'unavailable'
  return cache.ok ? 'ok' : 'degraded'
}

async function check(ask: () => Promise<ServiceHealth>): Promise<ServiceHealth> {
  try {
    return await ask()
  } catch (error) {
    // The registry's error names the service, and that of the open circuit nothing: why is one level below.
    const reason = isCodedError(error) ? rootFailure(error) : error
    return { ok: false, code: getErrorCode(reason), message: getErrorMessage(reason), ...pickHint(reason) }
  }
}

const pickHint = (error: unknown): Pick<ServiceHealth, 'hint'> =>
  isCodedError(error) && error.hint !== undefined ? { hint: error.hint } : {}

async function cacheHealth(cache: CacheService): Promise<ServiceHealth> {
  const refused = await cache.checkWrites()
  if (refused) {
    const { code, message, hint, since } = refused
    return { ok: false, code, message, ...(hint && { hint }), since: new Date(since).toISOString() }
  }
  return { ok: true, latencyMs: Math.round(await cacheLatency(cache)) }
}

/** How long Redis took for its last answer, in ms. Rejects with a REDIS_ error. */
async function cacheLatency(cache: CacheService): Promise<number> {
  const { clock } = processPorts()
  const { last } = cache.counters
  const state = processState<{ ping?: { at: number; latency: Promise<number> } }>('health', () => ({}))
  const open = cache.breaker.state !== 'closed'
  if (last?.answered && !open && clock.monotonic() - last.endedAt < TELLS_MS) return last.durationMs
  // A ping that the circuit breaker keeps back costs nothing, and lets it try whether Redis is there again.
  if (!state.ping || open || clock.monotonic() - state.ping.at >= TELLS_MS)
    state.ping = { at: clock.monotonic(), latency: ping(cache) }
  return state.ping.latency
}

async function ping(cache: CacheService): Promise<number> {
  const { clock } = processPorts()
  const started = clock.monotonic()
  await cache.ping()
  return clock.monotonic() - started
}

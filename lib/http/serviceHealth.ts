/** Whether the services can be used. Judged by traffic where there was some: a check of its own is billed, too. */
import type { CacheService } from '../core-services/cache/cacheService'
import { codeOf, hasCode, messageOf } from '../core-services/cache/engine/errors'
import { processPorts } from '../core-services/cache/engine/ports'
import { processState } from '../core-services/cache/engine/processState'
import { type Services, serviceRegistry } from '../core-services/service-registry'
import '../core-services/serviceLoader'

/** How long a request or a ping tells about Redis, in ms: without any, it is pinged that seldom. */
const TELLS_MS = 30_000

interface ServiceHealth {
  ok: boolean
  code?: string
  message?: string
  latencyMs?: number
}

export type ServicesHealth = Record<keyof Services, ServiceHealth>

export async function checkServices(): Promise<ServicesHealth> {
  const [cache, airtable] = await Promise.all([
    check(async () => cacheLatency(await serviceRegistry.getService('cache'))),
    // Airtable is not asked: a health check must not use up its rate limit.
    check(async () => {
      await serviceRegistry.getService('airtable')
    }),
  ])
  return { cache, airtable }
}

async function check(ask: () => Promise<number | undefined>): Promise<ServiceHealth> {
  try {
    const latencyMs = await ask()
    return { ok: true, ...(latencyMs === undefined ? {} : { latencyMs: Math.round(latencyMs) }) }
  } catch (error) {
    // The registry's error names the service; why it did not start is one level below.
    const reason = hasCode(error, 'SERVICE_FAILED') ? error.cause : error
    return { ok: false, code: codeOf(reason), message: messageOf(reason) }
  }
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

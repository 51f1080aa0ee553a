/** Checks the services. Recent traffic counts as evidence, because a ping of Redis is billed. */
import type { CacheService } from '../../core-services/cache/cacheService'
import { rootFailure } from '../../core-services/cache/errors'
import { type Services, serviceRegistry } from '../../core-services/service-registry'
import { getErrorCode, getErrorMessage, isCodedError } from '../../shared/errors'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import '../../core-services/serviceLoader'

/** How long the last request or ping counts as evidence, in ms. */
const EVIDENCE_MS = 30_000

interface ServiceHealth {
  ok: boolean
  code?: string
  message?: string
  hint?: string
  /** Since when Redis refuses writes, ISO 8601. */
  since?: string
  latencyMs?: number
}

export type ServicesHealth = Record<keyof Services, ServiceHealth>

export async function checkServices(): Promise<ServicesHealth> {
  const names = serviceRegistry.names()
  const healths = await Promise.all(
    names.map((name) =>
      check(async () => {
        if (name === 'cache') return cacheHealth(await serviceRegistry.getService(name))
        // Sources get no request: a health check must not use up their rate limits.
        await serviceRegistry.getService(name)
        return { ok: true }
      }),
    ),
  )
  return Object.fromEntries(names.map((name, index) => [name, healths[index]])) as ServicesHealth
}

/** A failing Redis is only `degraded`: pages are still served, and a load balancer would remove all instances at once. */
export function summarizeStatus({ cache, ...sources }: ServicesHealth): 'ok' | 'degraded' | 'unavailable' {
  const states = Object.values(sources).map(({ ok }) => ok)
  if (!states.includes(true)) return 'unavailable'
  return cache.ok && !states.includes(false) ? 'ok' : 'degraded'
}

async function check(run: () => Promise<ServiceHealth>): Promise<ServiceHealth> {
  try {
    return await run()
  } catch (error) {
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

/** Resolves with the duration of Redis's last answer, in ms. Rejects with a REDIS_ error. */
async function cacheLatency(cache: CacheService): Promise<number> {
  const { clock } = processPorts()
  const { last } = cache.counters
  const state = processState<{ ping?: { at: number; latency: Promise<number> } }>('health', () => ({}))
  const open = cache.breaker.state !== 'closed'
  if (last?.answered && !open && clock.monotonic() - last.endedAt < EVIDENCE_MS) return last.durationMs
  // With an open circuit a ping costs nothing, and lets the circuit breaker probe whether Redis is back.
  if (!state.ping || open || clock.monotonic() - state.ping.at >= EVIDENCE_MS)
    state.ping = { at: clock.monotonic(), latency: ping(cache) }
  return state.ping.latency
}

async function ping(cache: CacheService): Promise<number> {
  const { clock } = processPorts()
  const started = clock.monotonic()
  await cache.ping()
  return clock.monotonic() - started
}

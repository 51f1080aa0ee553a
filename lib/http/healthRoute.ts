/** Whether the app can do its work: one word for everybody, the state of each service for holders of the token. */
import { codeOf, hasCode, messageOf } from '../core-services/cache/engine/errors'
import { processPorts } from '../core-services/cache/engine/ports'
import { processState } from '../core-services/cache/engine/processState'
import { type Services, serviceRegistry } from '../core-services/service-registry'
import '../core-services/serviceLoader'
import { holdsSecret } from './auth'
import { NO_STORE } from './headers'

/** Redis is pinged at most once in this time, in ms, whatever the traffic: health checks are billed, too. */
const CHECK_EVERY_MS = 30_000

interface ServiceHealth {
  ok: boolean
  code?: string
  message?: string
  latencyMs?: number
}

interface Health {
  checkedAt: string
  services: Record<keyof Services, ServiceHealth>
}

interface LastCheck {
  at: number
  health: Promise<Health>
}

/** 200 `ok`, or 503 `unavailable`. */
export async function answerHealth(request: Request): Promise<Response> {
  const detailed = holdsSecret(request, 'ADMIN_TOKEN')
  const health = await recentHealth()
  const ok = Object.values(health.services).every((service) => service.ok)
  const status = ok ? 'ok' : 'unavailable'
  return Response.json({ status, ...(detailed ? health : {}) }, { status: ok ? 200 : 503, headers: NO_STORE })
}

function recentHealth(): Promise<Health> {
  const state = processState<{ last?: LastCheck }>('health', () => ({}))
  const now = processPorts().clock.monotonic()
  if (!state.last || now - state.last.at >= CHECK_EVERY_MS) state.last = { at: now, health: checkHealth() }
  return state.last.health
}

async function checkHealth(): Promise<Health> {
  const [cache, airtable] = await Promise.all([
    check(async () => (await serviceRegistry.getService('cache')).ping()),
    // Airtable is not asked: a health check must not use up its rate limit.
    check(() => serviceRegistry.getService('airtable')),
  ])
  return { checkedAt: new Date().toISOString(), services: { cache, airtable } }
}

async function check(ask: () => Promise<unknown>): Promise<ServiceHealth> {
  const { clock } = processPorts()
  const started = clock.monotonic()
  try {
    await ask()
    return { ok: true, latencyMs: Math.round(clock.monotonic() - started) }
  } catch (error) {
    // The registry's error names the service; why it did not start is one level below.
    const reason = hasCode(error, 'SERVICE_FAILED') ? error.cause : error
    return { ok: false, code: codeOf(reason), message: messageOf(reason) }
  }
}

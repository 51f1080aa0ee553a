/** Whether the app can do its work: one word for everybody, the state of each service for holders of the token. */
import type { BaseState } from '../core-services/airtable/requestBudget'
import { codeOf, hasCode, messageOf } from '../core-services/cache/engine/errors'
import { processPorts } from '../core-services/cache/engine/ports'
import { processState } from '../core-services/cache/engine/processState'
import { type Services, serviceRegistry } from '../core-services/service-registry'
import '../core-services/serviceLoader'
import { holdsSecret } from './auth'
import { NO_STORE } from './headers'

/** Redis is asked at most once in this time, in ms, whatever the traffic: health checks are billed, too. */
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

/** The limits of the sources: which bases are in use or left alone. */
interface Sources {
  airtable: { bases: BaseState[] }
}

interface LastAnswer<T> {
  at: number
  answer: Promise<T>
}

/** 200 `ok`, or 503 `unavailable`. */
export async function answerHealth(request: Request): Promise<Response> {
  const detailed = holdsSecret(request, 'ADMIN_TOKEN')
  const health = await recent('services', checkHealth)
  const ok = Object.values(health.services).every((service) => service.ok)
  const status = ok ? 'ok' : 'unavailable'
  const detail = detailed ? { ...health, sources: await recent('sources', checkSources) } : {}
  return Response.json({ status, ...detail }, { status: ok ? 200 : 503, headers: NO_STORE })
}

function recent<T>(name: string, ask: () => Promise<T>): Promise<T> {
  const state = processState<{ last?: LastAnswer<T> }>(`health.${name}`, () => ({}))
  const now = processPorts().clock.monotonic()
  if (!state.last || now - state.last.at >= CHECK_EVERY_MS) state.last = { at: now, answer: ask() }
  return state.last.answer
}

async function checkHealth(): Promise<Health> {
  const [cache, airtable] = await Promise.all([
    check(async () => (await serviceRegistry.getService('cache')).ping()),
    // Airtable is not asked: a health check must not use up its rate limit.
    check(() => serviceRegistry.getService('airtable')),
  ])
  return { checkedAt: new Date().toISOString(), services: { cache, airtable } }
}

/** Nothing is asked of Airtable. What has not started is told with the services. */
async function checkSources(): Promise<Sources> {
  const bases = await serviceRegistry.getService('airtable').then(
    (airtable) => airtable.bases(),
    () => [],
  )
  return { airtable: { bases } }
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

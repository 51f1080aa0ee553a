/** Whether the app can do its work: one word for everybody, for holders of a token what it is judged by. */
import type { AnyField } from '../core-services/cache/engine/fieldConfig'
import { readMetrics } from '../core-services/metrics/metricsService'
import type { MetricsSnapshot } from '../core-services/metrics/snapshot'
import { mayObserve } from './auth'
import { NO_STORE } from './headers'
import { type HealthParts, healthParts } from './healthParts'
import { problemResponse, unauthorized } from './problem'
import { checkServices, type ServicesHealth } from './serviceHealth'

interface Health extends Partial<HealthParts> {
  /** `degraded`: it works, and somebody should look at it. Told to holders of a token. */
  status: 'ok' | 'degraded' | 'unavailable'
  checkedAt?: string
  services?: ServicesHealth
  metrics?: MetricsSnapshot
}

/** 200 `ok`, or 503 `unavailable`; `degraded` is 200, too. */
export function answerHealth(request: Request, fields: readonly AnyField[]): Promise<Response> {
  return answer(request, async () => {
    if (mayObserve(request)) return (await detailedHealth(fields)).health
    return { status: Object.values(await checkServices()).every(isOk) ? 'ok' : 'unavailable' }
  })
}

/** The same with all numbers; 401 without a token. */
export function answerCacheHealth(request: Request, fields: readonly AnyField[]): Promise<Response> {
  return answer(request, async () => {
    if (!mayObserve(request)) throw unauthorized('METRICS_TOKEN')
    const { health, metrics } = await detailedHealth(fields)
    return { ...health, metrics }
  })
}

async function detailedHealth(
  fields: readonly AnyField[],
): Promise<{ health: Health; metrics: MetricsSnapshot }> {
  const services = await checkServices()
  const metrics = await readMetrics()
  const parts = await healthParts(metrics, fields)
  const working = Object.values(services).every(isOk)
  const status = working ? (Object.values(parts).every(isOk) ? 'ok' : 'degraded') : 'unavailable'
  return {
    health: { status, checkedAt: new Date(metrics.takenAt).toISOString(), services, ...parts },
    metrics,
  }
}

const isOk = ({ ok }: { ok: boolean }): boolean => ok

async function answer(request: Request, look: () => Promise<Health>): Promise<Response> {
  try {
    const health = await look()
    const status = health.status === 'unavailable' ? 503 : 200
    return Response.json(health, { status, headers: NO_STORE })
  } catch (error) {
    const trusted = mayObserve(request)
    return problemResponse(request, error, { label: 'Failed to judge the health', trusted })
  }
}

/** Whether the app can do its work: one word for everybody, for holders of a token what it is judged by. */
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { readMetrics } from '../../core-services/metrics/metricsService'
import type { MetricsSnapshot } from '../../core-services/metrics/snapshot'
import { canSeeMetrics } from '../auth/bearer'
import { NO_STORE } from '../headers'
import { problemResponse, unauthorized } from '../problem'
import { type HealthParts, healthParts } from './healthParts'
import { checkServices, type ServicesHealth, summarizeStatus } from './serviceHealth'

/** In the query, for monitors: everything but `ok` is answered with 503. */
const STRICT = 'strict'

interface Health extends Partial<HealthParts> {
  /**
   * `degraded`: pages are served, and something has to be looked at. Strangers are told it of Redis alone, holders of a
   * token of every part. `unavailable`: this instance cannot fetch anything.
   */
  status: 'ok' | 'degraded' | 'unavailable'
  checkedAt?: string
  services?: ServicesHealth
  metrics?: MetricsSnapshot
}

/** 200 `ok` or `degraded`, 503 `unavailable`; with `?strict=1` 503 for `degraded`, too. */
export function answerHealth(request: Request, fields: readonly AnyField[]): Promise<Response> {
  return answer(request, async () => {
    if (canSeeMetrics(request)) return (await detailedHealth(fields)).health
    return { status: summarizeStatus(await checkServices()) }
  })
}

/** The same with all numbers; 401 without a token. */
export function answerCacheHealth(request: Request, fields: readonly AnyField[]): Promise<Response> {
  return answer(request, async () => {
    if (!canSeeMetrics(request)) throw unauthorized('METRICS_TOKEN')
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
  const served = summarizeStatus(services)
  const status = served === 'ok' && !Object.values(parts).every(isOk) ? 'degraded' : served
  return {
    health: { status, checkedAt: new Date(metrics.takenAt).toISOString(), services, ...parts },
    metrics,
  }
}

const isOk = ({ ok }: { ok: boolean }): boolean => ok

async function answer(request: Request, look: () => Promise<Health>): Promise<Response> {
  try {
    const health = await look()
    const isStrict = (new URL(request.url).searchParams.get(STRICT) ?? '0') !== '0'
    const working: Health['status'][] = isStrict ? ['ok'] : ['ok', 'degraded']
    const status = working.includes(health.status) ? 200 : 503
    return Response.json(health, { status, headers: NO_STORE })
  } catch (error) {
    const trusted = canSeeMetrics(request)
    return problemResponse(request, error, { label: 'Failed to judge the health', trusted })
  }
}

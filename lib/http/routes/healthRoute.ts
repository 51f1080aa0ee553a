/** Answers the status to every caller, and the reasons to callers with a token. */
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { readMetrics } from '../../core-services/metrics/metricsService'
import type { MetricsSnapshot } from '../../core-services/metrics/snapshot'
import { canSeeMetrics } from '../auth/bearer'
import { NO_STORE } from '../headers'
import { problemResponse, unauthorized } from '../problem'
import { type HealthParts, healthParts } from './healthParts'
import { checkServices, type ServicesHealth, summarizeStatus } from './serviceHealth'

/** For monitors: every status except `ok` is answered with 503. */
const STRICT = 'strict'

interface Health extends Partial<HealthParts> {
  /**
   * `degraded`: pages are served, and something needs attention. Without a token only Redis counts, with one every part.
   * `unavailable`: this instance cannot fetch anything.
   */
  status: 'ok' | 'degraded' | 'unavailable'
  checkedAt?: string
  services?: ServicesHealth
  metrics?: MetricsSnapshot
}

/** Answers 200 for `ok` and `degraded`, 503 for `unavailable`; with `?strict=1` also 503 for `degraded`. */
export function answerHealth(request: Request, fields: readonly AnyField[]): Promise<Response> {
  return answer(request, async () => {
    if (canSeeMetrics(request)) return (await detailedHealth(fields)).health
    return { status: summarizeStatus(await checkServices()) }
  })
}

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
    const passing: Health['status'][] = isStrict ? ['ok'] : ['ok', 'degraded']
    const status = passing.includes(health.status) ? 200 : 503
    return Response.json(health, { status, headers: NO_STORE })
  } catch (error) {
    const trusted = canSeeMetrics(request)
    return problemResponse(request, error, { label: 'Failed to check the health', trusted })
  }
}

/** Numbers of the whole deployment for monitoring: as Prometheus text, and as JSON. */

import { readMetrics } from '../../core-services/metrics/metricsService'
import { PROMETHEUS_TYPE, prometheusText } from '../../core-services/metrics/prometheus'
import { canSeeMetrics } from '../auth/bearer'
import { NO_STORE } from '../headers'
import { problemResponse, unauthorized } from '../problem'

/** 200 with the text, also while Redis cannot be asked; 401 without a token. */
export async function answerMetrics(request: Request): Promise<Response> {
  const trusted = canSeeMetrics(request)
  try {
    if (!trusted) throw unauthorized('METRICS_TOKEN')
    // Not what this instance has read before: another one may have answered with more since, and counters never fall.
    const text = prometheusText(await readMetrics({ maxAgeMs: 0 }))
    return new Response(text, { headers: { 'Content-Type': PROMETHEUS_TYPE, ...NO_STORE } })
  } catch (error) {
    return problemResponse(request, error, { label: 'Failed to read the metrics', trusted })
  }
}

import { readMetrics } from '../../core-services/metrics/metricsService'
import { PROMETHEUS_TYPE, prometheusText } from '../../core-services/metrics/prometheus'
import { canSeeMetrics } from '../auth/bearer'
import { NO_STORE } from '../headers'
import { problemResponse, unauthorized } from '../problem'

/** Answers 200 also while Redis is down; 401 without a token. */
export async function answerMetrics(request: Request): Promise<Response> {
  const trusted = canSeeMetrics(request)
  try {
    if (!trusted) throw unauthorized('METRICS_TOKEN')
    // Never a remembered answer: another instance may have shown higher counts since, and counters must not fall.
    const text = prometheusText(await readMetrics({ maxAgeMs: 0 }))
    return new Response(text, { headers: { 'Content-Type': PROMETHEUS_TYPE, ...NO_STORE } })
  } catch (error) {
    return problemResponse(request, error, { label: 'Failed to read the metrics', trusted })
  }
}

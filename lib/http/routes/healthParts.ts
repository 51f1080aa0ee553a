import { type CronHealth, cronExpectations, cronHealth } from '../../admin/cronHealth'
import type { BaseState } from '../../core-services/airtable/rate-limit/rateLimiter'
import {
  isTroubled,
  readWebhookReport,
  type WebhookReport,
} from '../../core-services/airtable/webhooks/webhookReport'
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { fieldRuntime } from '../../core-services/cache/processContext'
import type { MetricsSnapshot } from '../../core-services/metrics/snapshot'
import { serviceRegistry } from '../../core-services/service-registry'
import type { BreakerState } from '../../shared/events'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import '../../core-services/serviceLoader'

/** How long the answer of a part is reused, in ms, because health checks cost billed commands. */
const CHECK_EVERY_MS = 30_000

export interface HealthParts {
  cron: CronHealth
  redis: RedisHealth
  sources: SourcesHealth
  webhooks: WebhooksHealth
}

interface RedisHealth {
  ok: boolean
  /** The worst of all instances. */
  breaker: BreakerState
  /** Of requests in the last 5 minutes. */
  errors: Record<string, number>
  p95Ms: number | null
  /** Absent while Redis accepts the writes of this instance. `since`: ISO 8601. */
  refusedWrites?: { code: string; since: string }
}

interface SourcesHealth {
  ok: boolean
  airtable: { bases: BaseState[] }
}

interface WebhooksHealth extends Omit<WebhookReport, 'at'> {
  ok: boolean
  /** When the cron last maintained the webhooks, ISO 8601; null for never. */
  checkedAt: string | null
}

/** To report a new part, add it here and to `HealthParts`. A part that is not `ok` makes the status `degraded`. */
export async function healthParts(
  metrics: MetricsSnapshot,
  fields: readonly AnyField[],
): Promise<HealthParts> {
  return {
    cron: cronHealth(metrics, cronExpectations(fields)),
    redis: redisHealth(metrics),
    sources: await reuseRecent('sources', sourcesHealth),
    webhooks: await reuseRecent('webhooks', webhooksHealth),
  }
}

function reuseRecent<T>(part: string, read: () => Promise<T>): Promise<T> {
  const state = processState<{ last?: { at: number; answer: Promise<T> } }>(`health.${part}`, () => ({}))
  const now = processPorts().clock.monotonic()
  if (!state.last || now - state.last.at >= CHECK_EVERY_MS) state.last = { at: now, answer: read() }
  return state.last.answer
}

function redisHealth({ breaker, windows, refusedWrites }: MetricsSnapshot): RedisHealth {
  const { errors, latency } = windows['5m'].system.redis
  return {
    ok: breaker === 'closed' && refusedWrites === undefined,
    breaker,
    errors,
    p95Ms: latency.p95Ms,
    ...(refusedWrites && {
      refusedWrites: { code: refusedWrites.code, since: new Date(refusedWrites.since).toISOString() },
    }),
  }
}

/** Sends no request to Airtable. A service that has not started is reported with the services. */
async function sourcesHealth(): Promise<SourcesHealth> {
  const bases = await serviceRegistry.getService('airtable').then(
    (airtable) => airtable.bases(),
    () => [],
  )
  // Other cool-downs end within seconds and need no action; a spent monthly quota does.
  return { ok: bases.every(({ coolDown }) => coolDown?.why !== 'quota'), airtable: { bases } }
}

async function webhooksHealth(): Promise<WebhooksHealth> {
  const { at, ...report } = await readWebhookReport(fieldRuntime())
  const checkedAt = at === null ? null : new Date(at).toISOString()
  return { ok: !report.webhooks.some(isTroubled), checkedAt, ...report }
}

/** The state of Redis, the source, the cron and webhooks, in words for the people who operate the app. */
import type { BaseState } from '../core-services/airtable/rate-limit/rateLimiter'
import { isTroubled, type WebhookReport } from '../core-services/airtable/webhooks/webhookReport'
import type { MetricsSnapshot } from '../core-services/metrics/snapshot'
import type { BreakerState } from '../shared/events'
import type { CronHealth } from './cronHealth'
import { ago, describeFailure, dollars, duration, milliseconds, whole } from './format'

export interface PartHealth {
  name: string
  /** `off`: not set up. */
  state: 'ok' | 'warn' | 'bad' | 'off'
  summary: string
  facts: { name: string; value: string }[]
}

const CIRCUIT_STATES: Record<BreakerState, string> = {
  closed: 'closed, as it should be',
  open: 'open: no requests go to Redis',
  'half-open': 'half open: one request tests Redis',
}

/** Why Redis answers no requests at all, by error code. */
const OUTAGES: Record<string, string> = {
  REDIS_LOADING: 'It is loading its data, or looking for its primary. It answers when that is done.',
  REDIS_QUOTA: 'Its plan allows no more commands: it refuses everything until the plan is raised or renewed.',
  REDIS_UNAUTHORIZED: 'It does not accept our token: check UPSTASH_REDIS_REST_TOKEN.',
}

/** Why Redis refuses writes, by error code. */
const REFUSALS: Record<string, string> = {
  REDIS_FULL: 'It is full and takes no new values',
  REDIS_READ_ONLY: 'It is a read-only copy and takes no new values',
  REDIS_CANNOT_PERSIST: 'It cannot save its data and takes no new values',
  REDIS_UNAUTHORIZED: 'Our token may only read, so it takes no new values',
}

/** `failure`: the error code of the request for this page; null when Redis answered it. */
export function redisPart(failure: string | null, snapshot: MetricsSnapshot): PartHealth {
  const { breaker, windows, bill, refusedWrites, takenAt } = snapshot
  const { latency, errors } = windows['1h'].system.redis
  const failed = sum(errors)
  const facts = [
    ...(refusedWrites
      ? [{ name: 'Refuses writes', value: `for ${duration((takenAt - refusedWrites.since) / 1000)}` }]
      : []),
    { name: 'Circuit breaker', value: CIRCUIT_STATES[breaker] },
    { name: 'Answers within', value: latency.p95Ms === null ? '–' : milliseconds(latency.p95Ms) },
    // Counts are reported with writes, which Redis refuses.
    { name: 'Failed in the last hour', value: refusedWrites ? 'not counted' : whole(failed) },
    {
      name: 'Estimated bill',
      value: bill.monthlyUsd === null ? 'not known yet' : `${dollars(bill.monthlyUsd)} a month`,
    },
  ]
  return { name: 'Redis, which keeps the values', ...redisVerdict(failure, snapshot, failed), facts }
}

function redisVerdict(
  failure: string | null,
  { breaker, refusedWrites }: MetricsSnapshot,
  failed: number,
): Pick<PartHealth, 'state' | 'summary'> {
  if (failure !== null) {
    const why = OUTAGES[failure] ?? 'It does not answer.'
    const summary = `${why} Readers get values from the memory of a server for 30 s, then straight from the source.`
    return { state: 'bad', summary }
  }
  if (refusedWrites) {
    const why = REFUSALS[refusedWrites.code] ?? 'It takes no new values'
    const summary = `${why}. Stored values are still served; new ones stay in the memory of each server.`
    return { state: 'bad', summary }
  }
  if (breaker !== 'closed')
    return { state: 'warn', summary: 'One of the servers cannot reach it, and works without it for a while.' }
  return failed === 0
    ? { state: 'ok', summary: 'It answers.' }
    : { state: 'ok', summary: 'It answers; some requests failed in the last hour.' }
}

export function sourcePart(bases: readonly BaseState[], { windows }: MetricsSnapshot): PartHealth {
  const { requests, errors } = windows['1h'].system.airtable
  const waiting = bases.reduce((sum, base) => sum + (base.waiting ?? 0), 0)
  const facts = [
    { name: 'Requests in the last hour', value: whole(requests) },
    { name: 'Of these, failed', value: whole(sum(errors)) },
    { name: 'Allowed', value: '5 a second per base' },
    { name: 'Requests in the queue', value: whole(waiting) },
  ]
  const name = 'Airtable, where the data comes from'
  const coolDowns = bases.flatMap(({ coolDown }) => (coolDown === null ? [] : [coolDown]))
  const quota = coolDowns.find(({ why }) => why === 'quota')
  if (quota)
    return {
      name,
      state: 'bad',
      summary: 'Its monthly allowance of requests is used up: nothing is fetched until it is renewed.',
      facts,
    }
  const [resting] = coolDowns
  if (resting) {
    const summary = `It received too many requests, and gets none for another ${duration(resting.seconds)}.`
    return { name, state: 'warn', summary, facts }
  }
  const [worst] = Object.entries(errors).sort(([, one], [, other]) => other - one)
  if (worst)
    return {
      name,
      state: 'warn',
      summary: `Most failures of the last hour: ${describeFailure(worst[0])}`,
      facts,
    }
  const summary = requests === 0 ? 'It was not needed in the last hour.' : 'It answers.'
  return { name, state: 'ok', summary, facts }
}

/** A cron that stops reports no error itself, so its silence is shown. */
export function cronPart({ ok, expected, lastRun, silentSeconds }: CronHealth, now: number): PartHealth {
  const name = 'Cron, which refreshes on a schedule'
  if (!expected) return { name, state: 'off', summary: 'No field is refreshed on a schedule.', facts: [] }
  const facts = lastRun
    ? [
        { name: 'Last run', value: ago(lastRun.at, now) },
        { name: 'It took', value: milliseconds(lastRun.durationMs) },
        { name: 'Refreshed', value: whole(lastRun.refreshed) },
        { name: 'Failed', value: whole(lastRun.failed) },
      ]
    : []
  if (!ok) {
    const summary = `It has not run for ${duration(silentSeconds ?? 0)}. Check its schedule and CRON_SECRET.`
    return { name, state: 'bad', summary, facts }
  }
  if (!lastRun) return { name, state: 'ok', summary: 'It has not run yet.', facts }
  return lastRun.outcome === 'failed'
    ? { name, state: 'warn', summary: 'Its last run could not renew everything.', facts }
    : { name, state: 'ok', summary: 'Its last run went well.', facts }
}

/** The state of webhooks as the cron last found it. */
export function webhooksPart({ configured, at, webhooks }: WebhookReport, now: number): PartHealth {
  const name = 'Webhooks, which report changes'
  if (configured === 0) {
    const summary = 'Changes at the source show when a value is renewed.'
    return { name, state: 'off', summary, facts: [{ name: 'Set up', value: whole(0) }] }
  }
  const troubled = webhooks.filter(isTroubled)
  const facts = [
    { name: 'Set up', value: whole(configured) },
    { name: 'Last checked', value: at === null ? 'never' : ago(at, now) },
    ...troubled.map(({ webhook, hint, code }) => ({ name: webhook, value: hint ?? code ?? 'in trouble' })),
  ]
  if (webhooks.some(({ outcome }) => outcome === 'dead')) {
    const summary = 'One has ended: its changes show only when values are renewed.'
    return { name, state: 'bad', summary, facts }
  }
  if (troubled.length > 0)
    return { name, state: 'warn', summary: 'The cron could not check one of them.', facts }
  const summary =
    at === null
      ? 'The cron has not checked them yet.'
      : 'Values are updated as soon as Airtable reports a change.'
  return { name, state: 'ok', summary, facts }
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

/** How the parts around the fields are doing, in words for whoever looks after them. */

import type { BaseState } from '../core-services/airtable/rate-limit/rateLimiter'
import { isTroubled, type WebhookReport } from '../core-services/airtable/webhooks/webhookReport'
import type { MetricsSnapshot } from '../core-services/metrics/snapshot'
import type { BreakerState } from '../shared/events'
import type { CronHealth } from './cronHealth'
import { ago, describeFailure, dollars, duration, milliseconds, whole } from './format'

export interface PartHealth {
  name: string
  /** `off`: it is not set up. */
  state: 'ok' | 'warn' | 'bad' | 'off'
  summary: string
  facts: { name: string; value: string }[]
}

const CIRCUIT_STATES: Record<BreakerState, string> = {
  closed: 'closed, as it should be',
  open: 'open: Redis is left alone',
  'half-open': 'half open: Redis is being tried',
}

/** What Redis does to all that it is asked, by the code of its error. */
const OUTAGES: Record<string, string> = {
  REDIS_LOADING: 'It is loading its data, or looks for its primary, and answers nothing until then.',
  REDIS_QUOTA: 'Its plan allows no more commands: it refuses everything.',
  REDIS_UNAUTHORIZED: 'It does not accept our token.',
}

/** Why it refuses what it is to keep, by the code of its error. */
const REFUSALS: Record<string, string> = {
  REDIS_FULL: 'It is full and takes no new values',
  REDIS_READ_ONLY: 'It is a read-only copy and takes no new values',
  REDIS_CANNOT_PERSIST: 'It cannot save its data and takes no new values',
  REDIS_UNAUTHORIZED: 'Our token may only read, so it takes no new values',
}

/** `failure`: the code of the error with which Redis could not be asked just now. */
export function redisPart(failure: string | null, snapshot: MetricsSnapshot): PartHealth {
  const { breaker, windows, bill, refusedWrites, takenAt } = snapshot
  const { latency, errors } = windows['1h'].system.redis
  const failed = sum(errors)
  const facts = [
    ...(refusedWrites
      ? [{ name: 'Takes nothing', value: `for ${duration((takenAt - refusedWrites.since) / 1000)}` }]
      : []),
    { name: 'Circuit breaker', value: CIRCUIT_STATES[breaker] },
    { name: 'Answers within', value: latency.p95Ms === null ? '–' : milliseconds(latency.p95Ms) },
    // What is counted cannot be handed over meanwhile.
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
    const summary = `${why}. What it has is served; new values stay in the memory of each server.`
    return { state: 'bad', summary }
  }
  if (breaker !== 'closed')
    return { state: 'warn', summary: 'One of the servers has trouble with it, and goes without for a while.' }
  return failed === 0
    ? { state: 'ok', summary: 'It answers.' }
    : { state: 'ok', summary: 'It answers, and has failed at times in the last hour.' }
}

export function sourcePart(bases: readonly BaseState[], { windows }: MetricsSnapshot): PartHealth {
  const { requests, errors } = windows['1h'].system.airtable
  const waiting = bases.reduce((sum, base) => sum + (base.waiting ?? 0), 0)
  const facts = [
    { name: 'Requests in the last hour', value: whole(requests) },
    { name: 'Failed of them', value: whole(sum(errors)) },
    { name: 'Allowed', value: '5 a second for a base' },
    { name: 'Waiting for their turn', value: whole(waiting) },
  ]
  const name = 'Airtable, where the data comes from'
  const coolDowns = bases.flatMap(({ coolDown }) => (coolDown === null ? [] : [coolDown]))
  const quota = coolDowns.find(({ why }) => why === 'quota')
  if (quota)
    return {
      name,
      state: 'bad',
      summary: 'Its monthly allowance of requests is used up: nothing is fetched.',
      facts,
    }
  const [resting] = coolDowns
  if (resting) {
    const summary = `It was asked too often, and is left alone for another ${duration(resting.seconds)}.`
    return { name, state: 'warn', summary, facts }
  }
  const [worst] = Object.entries(errors).sort(([, one], [, other]) => other - one)
  if (worst)
    return { name, state: 'warn', summary: `In the last hour, mostly: ${describeFailure(worst[0])}`, facts }
  const summary = requests === 0 ? 'Nobody had to ask it in the last hour.' : 'It answers.'
  return { name, state: 'ok', summary, facts }
}

/** The cron keeps fields fresh that nobody asks for; should it stop, nobody else would notice. */
export function cronPart({ ok, expected, lastRun, silentSeconds }: CronHealth, now: number): PartHealth {
  const name = 'Cron, which renews by the clock'
  if (!expected) return { name, state: 'off', summary: 'No field is to be renewed by the clock.', facts: [] }
  const facts = lastRun
    ? [
        { name: 'Last run', value: ago(lastRun.at, now) },
        { name: 'It took', value: milliseconds(lastRun.durationMs) },
        { name: 'Refreshed', value: whole(lastRun.refreshed) },
        { name: 'Failed', value: whole(lastRun.failed) },
      ]
    : []
  if (!ok) {
    const summary = `It has not run for ${duration(silentSeconds ?? 0)}. Look at the schedule and at CRON_SECRET.`
    return { name, state: 'bad', summary, facts }
  }
  if (!lastRun) return { name, state: 'ok', summary: 'It has not run yet.', facts }
  return lastRun.outcome === 'failed'
    ? { name, state: 'warn', summary: 'Its last run could not renew everything.', facts }
    : { name, state: 'ok', summary: 'Its last run went well.', facts }
}

/** As the cron has found them last. */
export function webhooksPart({ configured, at, webhooks }: WebhookReport, now: number): PartHealth {
  const name = 'Webhooks, which tell of changes'
  if (configured === 0) {
    const summary = 'Changes at the source are seen when a value is renewed.'
    return { name, state: 'off', summary, facts: [{ name: 'Set up', value: whole(0) }] }
  }
  const troubled = webhooks.filter(isTroubled)
  const facts = [
    { name: 'Set up', value: whole(configured) },
    { name: 'Looked after', value: at === null ? 'never yet' : ago(at, now) },
    ...troubled.map(({ webhook, hint, code }) => ({ name: webhook, value: hint ?? code ?? 'in trouble' })),
  ]
  if (webhooks.some(({ outcome }) => outcome === 'dead')) {
    const summary = 'One has ended: changes are seen only when values are renewed.'
    return { name, state: 'bad', summary, facts }
  }
  if (troubled.length > 0) return { name, state: 'warn', summary: 'One could not be looked after.', facts }
  const summary =
    at === null
      ? 'The cron has not looked after them yet.'
      : 'Changes at the source are followed as soon as Airtable tells of them.'
  return { name, state: 'ok', summary, facts }
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

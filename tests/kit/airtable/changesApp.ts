/** The app in this process over a local Airtable server and the Redis of the file, in time that passes on demand. */
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { webhookSecrets } from '@/lib/core-services/airtable/airtableConfig'
import { AirtableService } from '@/lib/core-services/airtable/airtableService'
import type { DeltaLimits } from '@/lib/core-services/airtable/changelog/syncLimits'
import { hookStore } from '@/lib/core-services/airtable/changelog/webhookStore'
import { maintainWebhooks } from '@/lib/core-services/airtable/webhooks/maintainWebhooks'
import type { WebhookSyncResult } from '@/lib/core-services/airtable/webhooks/pingQueue'
import { airtableWebhooks, createWebhookSync } from '@/lib/core-services/airtable/webhooks/webhookSync'
import { type AnyField, defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import type { CronRuntime } from '@/lib/core-services/cache/fields/fieldRuntime'
import { refreshDueFields } from '@/lib/core-services/cache/operations/scheduledRefresh'
import { fieldRuntime } from '@/lib/core-services/cache/processContext'
import type { RegistryState } from '@/lib/core-services/service-registry'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { type Clock, systemClock } from '@/lib/shared/clock'
import type { WebhookCause } from '@/lib/shared/events'
import { processPorts } from '@/lib/shared/ports'
import { processState, setProcessState } from '@/lib/shared/processState'
import { type RecordedEvents, recordEvents } from '@/lib/testing/events'
import { type AirtableServer, startAirtableServer } from '@/local/airtable/server'
import type { TableData } from '@/local/airtable/tables/table'
import { setEnvironment } from '../process/environment'
import type { TestRedis } from '../redis/testRedis'
import { hastyClock, recordedLimiter } from './airtableClient'
import { askHooks, createHook } from './airtableHooks'

/** Longer sleeps belong to watchers, such as that of a lock: no time passes for them. */
const LONGEST_SLEEP_MS = 3_000

/** A clock whose sleeps end at once, and which can be moved on. */
export function hurriedClock(): Clock & { pass(milliseconds: number): void } {
  const begun = Date.UTC(2026, 0, 1)
  let ahead = 0
  const monotonic = () => performance.now() + ahead
  return {
    now: () => begun + Math.floor(monotonic()),
    monotonic,
    async sleep(milliseconds, signal) {
      const due = monotonic() + milliseconds
      const watches = milliseconds > LONGEST_SLEEP_MS
      await systemClock.sleep(watches ? 100 : Math.min(milliseconds, 3), signal)
      if (!watches && !signal?.aborted) ahead += Math.max(0, due - monotonic())
    },
    pass(milliseconds) {
      ahead += milliseconds
    },
  }
}

export interface ChangesApp {
  readonly airtable: AirtableServer
  readonly events: RecordedEvents
  /** The webhook of the test. It watches the whole base, and pings only the URL of the file, if there is one. */
  readonly hook: string
  pass(milliseconds: number): void
  /** One sync, as for a ping, the cron or a recheck, without their pauses. */
  sync(fields: readonly AnyField[], cause: WebhookCause, limits?: DeltaLimits): Promise<WebhookSyncResult>
  /** The same, but returns only the delay of the recheck, in ms. */
  drain(fields: readonly AnyField[], cause: WebhookCause, limits?: DeltaLimits): Promise<number | undefined>
  /** One run of the cron. */
  cron(fields: readonly AnyField[], limits?: DeltaLimits): ReturnType<typeof refreshDueFields>
}

const API_KEY = 'patChangesApp'
export const BASE = 'appChangesApp0001'

/** A new webhook and an empty Redis for each test. `url`: where the webhook posts its pings. */
export function changesAppForThisFile(
  redis: Omit<TestRedis, 'stop'>,
  tables: readonly TableData[],
  url?: () => Promise<string>,
): ChangesApp {
  const clock = hurriedClock()
  const events = recordEvents()
  let airtable: AirtableServer
  let hook = ''
  let readings = 0
  // The server's clock runs ahead with each reading, so that a slow machine never meets its rate limit.
  const serverClock = () => {
    readings += 1
    return clock.monotonic() + readings * 250
  }
  beforeAll(async () => {
    airtable = await startAirtableServer({ apiKey: API_KEY, baseId: BASE, tables, clock: serverClock })
    setEnvironment({
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      CACHE_COMMAND_TIMEOUT_MS: '5000',
      AIRTABLE_API_KEY: API_KEY,
      AIRTABLE_ENDPOINT_URL: airtable.url,
    })
    setProcessState('ports', { ...processPorts(), clock, emit: events.emit })
    // Without waits for permits, which take real time.
    const withoutLimit = () =>
      new AirtableService(
        undefined,
        { ...processPorts(), clock: hastyClock() },
        () => recordedLimiter().limiter,
      )
    const services = processState<RegistryState>('services', () => new Map())
    services.set('airtable', { create: withoutLimit, requires: [], prefers: [] })
    await initCoreServices(['cache', 'airtable'])
  })
  afterAll(() => airtable.close())
  beforeEach(async () => {
    if (hook !== '') await askHooks(airtable, `/${hook}`, { method: 'DELETE' })
    await redis.flush()
    events.all.length = 0
    setProcessState('hooks', new Map())
    clock.pass(60_000)
    const notificationUrl = await url?.()
    const created = await createHook(airtable, notificationUrl === undefined ? {} : { notificationUrl })
    hook = created.id
    setEnvironment({ AIRTABLE_WEBHOOK_SECRETS: `${hook}:${created.macSecretBase64}` })
  })
  const syncInto = (fields: readonly AnyField[], limits?: DeltaLimits) =>
    createWebhookSync(fields, limits === undefined ? {} : { limits })
  const sync: ChangesApp['sync'] = (fields, cause, limits) =>
    syncInto(fields, limits)({ baseId: BASE, webhookId: hook }, cause, new AbortController().signal)
  return {
    get airtable() {
      return airtable
    },
    events,
    get hook() {
      return hook
    },
    pass: clock.pass,
    sync,
    drain: async (fields, cause, limits) => (await sync(fields, cause, limits)).recheckAfterMs,
    cron(fields, limits) {
      defineFields(fields)
      const runtime: CronRuntime = fieldRuntime()
      const maintain = (remainingMs: () => number) =>
        maintainWebhooks({
          fields,
          secrets: webhookSecrets(),
          api: airtableWebhooks,
          sync: syncInto(fields, limits),
          store: hookStore(runtime),
          runtime,
          remainingMs,
        })
      return refreshDueFields(fields, { budgetMs: 600_000, enabled: true, maintain }, runtime)
    },
  }
}

/**
 * Maintains webhooks, for the cron. A webhook dies after seven days in which its changes were not read, stops pinging
 * after unanswered pings, and single pings get lost. Fields of a dead webhook are fetched in full.
 */

import { type CodedError, hasCode, isCodedError } from '../../../shared/errors'
import type { WebhookDeath, WebhookOutcome } from '../../../shared/events'
import { isRedisFailure } from '../../cache/errors'
import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import type { CronOptions, MaintenanceReport } from '../../cache/operations/scheduledRefresh'
import { fieldRuntime } from '../../cache/processContext'
import { type WebhookSecrets, webhookSecrets } from '../airtableConfig'
import { isAirtableField } from '../airtableField'
import { buildRecord, type HookRecord, type HookStore, hookStore } from '../changelog/webhookStore'
import type { Webhook, WebhooksApi } from '../webhooksApi'
import { drainNow, type WebhookSync } from './pingQueue'
import type { Hook } from './verifyPing'
import { saveWebhookReport } from './webhookReport'
import { airtableWebhooks, createWebhookSync } from './webhookSync'

export interface Maintenance {
  fields: readonly AnyField[]
  secrets: WebhookSecrets
  api(): Promise<WebhooksApi>
  sync: WebhookSync
  store: HookStore
  runtime: CronRuntime
  /** The remaining time of this run, in ms. */
  remainingMs(): number
}

/** A webhook with less time left is extended, in ms. A daily cron can then fail twice. */
const EXTENDED_BELOW_MS = 3 * 86_400_000

const REPLACE_HINT =
  'Make a new one with npm run airtable:webhook -- create, and replace the old secret with the new one.'

/** As Airtable lists them and as they are recorded. */
interface BaseWebhooks {
  baseId: string
  webhooks: readonly Webhook[]
  /** Why the webhooks could not be listed. */
  error?: CodedError
  records: readonly HookRecord[]
}

/** A webhook whose secret the environment holds. */
interface OwnWebhook {
  id: string
  /** Null for a webhook that was never listed and never synced. */
  baseId: string | null
  scope: string | null
  /** Undefined when Airtable does not list it. */
  webhook?: Webhook | undefined
  /** Why the webhooks of its base could not be listed. */
  error?: CodedError | undefined
}

/** Returns what the cron needs to maintain webhooks; nothing when the environment holds no secret of a webhook. */
export function webhookMaintenance(fields: readonly AnyField[]): Pick<CronOptions, 'maintain'> {
  const secrets = webhookSecrets()
  if (secrets.size === 0) return {}
  const runtime = fieldRuntime()
  const services = { api: airtableWebhooks, sync: createWebhookSync(fields), store: hookStore(runtime) }
  return {
    maintain: (remainingMs) => maintainWebhooks({ fields, secrets, runtime, remainingMs, ...services }),
  }
}

/** Sends one request for each base, and more for webhooks that need something. Rejects while Redis is down. */
export async function maintainWebhooks(maintenance: Maintenance): Promise<MaintenanceReport> {
  const fields = maintenance.fields
    .filter(isAirtableField)
    .map(({ name, airtable }) => ({ name, ...airtable.table.locate() }))
  const bases: BaseWebhooks[] = []
  for (const baseId of new Set(fields.map((field) => field.baseId)))
    bases.push(await readBase(maintenance, baseId))
  const webhooks: WebhookOutcome[] = []
  const due = new Set<string>()
  for (const id of maintenance.secrets.keys()) {
    const own = locateWebhook(id, bases)
    const outcome = await maintainWebhook(maintenance, own)
    webhooks.push(outcome)
    if (outcome.outcome !== 'dead') continue
    for (const { name, baseId, tableId } of fields) {
      if ((own.baseId ?? baseId) === baseId && mayWatch(own.scope, tableId)) due.add(name)
    }
  }
  await saveWebhookReport(maintenance.runtime, webhooks)
  return { webhooks, due }
}

async function readBase({ api, store }: Maintenance, baseId: string): Promise<BaseWebhooks> {
  const records = await store.read(baseId)
  try {
    return { baseId, records, webhooks: await (await api()).list(baseId) }
  } catch (error) {
    if (!isCodedError(error)) throw error
    return { baseId, records, webhooks: [], error }
  }
}

function locateWebhook(id: string, bases: readonly BaseWebhooks[]): OwnWebhook {
  for (const { baseId, webhooks } of bases) {
    const webhook = webhooks.find((listed) => listed.id === id)
    if (webhook) return { id, baseId, scope: webhook.scope, webhook }
  }
  for (const { baseId, records, error } of bases) {
    const record = records.find((known) => known.id === id)
    if (record) return { id, baseId, scope: record.scope, error }
  }
  // The webhook may belong to a base that could not be listed.
  return { id, baseId: null, scope: null, error: bases.find(({ error }) => error)?.error }
}

/** A view may belong to any table, and a table given by name has no id to compare. */
function mayWatch(scope: string | null, tableId: string): boolean {
  return scope === tableId || !scope?.startsWith('tbl') || !tableId.startsWith('tbl')
}

async function maintainWebhook(
  maintenance: Maintenance,
  { id, baseId, webhook, error }: OwnWebhook,
): Promise<WebhookOutcome> {
  const { emit, clock } = maintenance.runtime.ports
  const identity = { webhook: id, base: baseId }
  const why = webhook ? findDeath(webhook, clock.now()) : error === undefined ? 'gone' : undefined
  if (why) {
    emit({ type: 'webhook.dead', ...identity, why, hint: REPLACE_HINT })
    return { ...identity, outcome: 'dead', drained: false, hint: REPLACE_HINT }
  }
  if (baseId === null) return { ...identity, outcome: 'failed', drained: false, ...toFailure(error) }
  const hook = { baseId, webhookId: id }
  if (webhook) return maintainLiving(maintenance, hook, webhook)
  const read = await drainInTime(maintenance, hook)
  return { ...identity, outcome: 'failed', drained: read.drained, ...toFailure(error) }
}

async function maintainLiving(
  maintenance: Maintenance,
  hook: Hook,
  webhook: Webhook,
): Promise<WebhookOutcome> {
  const { baseId, webhookId } = hook
  const api = await maintenance.api()
  const silent = !webhook.areNotificationsEnabled && webhook.notificationUrl !== null
  const ending = msLeft(webhook, maintenance.runtime.ports.clock.now()) < EXTENDED_BELOW_MS
  const enableError = silent
    ? await catchFailure(() => api.enableNotifications(baseId, webhookId))
    : undefined
  const extendError = ending ? await catchFailure(() => api.refresh(baseId, webhookId)) : undefined
  const { drained, error } = await drainInTime(maintenance, hook)
  if (drained) await recordWebhook(maintenance, hook, webhook)
  // Reading the changes of a webhook extends its life as well, without the creator role.
  const lifeError = drained && hasCode(extendError, 'AIRTABLE_FORBIDDEN') ? undefined : extendError
  const failure = enableError ?? lifeError ?? error
  const outcome = failure ? 'failed' : silent ? 're-enabled' : ending ? 'extended' : 'alive'
  return { webhook: webhookId, base: baseId, outcome, drained, ...toFailure(failure) }
}

/** Runs each time, so that the record of a quiet webhook does not expire. */
async function recordWebhook(
  { store, runtime }: Maintenance,
  { baseId, webhookId }: Hook,
  webhook: Webhook,
): Promise<void> {
  const known = (await store.read(baseId)).find(({ id }) => id === webhookId)
  // The sync after the listing has read every payload before this cursor.
  const listed = { id: webhookId, baseId, scope: webhook.scope, cursor: webhook.cursorForNextPayload }
  await store.save(buildRecord(listed, runtime.ports.clock.now(), known))
}

/** Neither drained nor failed: the time is up, or another instance is syncing. */
async function drainInTime(
  { sync, runtime, remainingMs }: Maintenance,
  hook: Hook,
): Promise<{ drained: boolean; error?: CodedError | undefined }> {
  if (remainingMs() < 2 * runtime.refreshTimeoutMs) return { drained: false }
  let drained = false
  const error = await catchFailure(async () => {
    drained = await drainNow(hook, sync, runtime)
  })
  return { drained, error }
}

/** Resolves with an error of the source. Rejects with every other error: without Redis the rest of the run is useless. */
async function catchFailure(work: () => Promise<unknown>): Promise<CodedError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (!isCodedError(error) || isRedisFailure(error)) throw error
    return error
  }
}

function findDeath(webhook: Webhook, now: number): WebhookDeath | undefined {
  if (msLeft(webhook, now) <= 0) return 'expired'
  return webhook.isHookEnabled ? undefined : 'disabled'
}

function msLeft({ expirationTime }: Webhook, now: number): number {
  const end = expirationTime === null ? Number.NaN : Date.parse(expirationTime)
  return Number.isNaN(end) ? Number.POSITIVE_INFINITY : end - now
}

function toFailure(error: CodedError | undefined): Pick<WebhookOutcome, 'code' | 'hint'> {
  if (!error) return {}
  return { code: error.code, ...(error.hint === undefined ? {} : { hint: error.hint }) }
}

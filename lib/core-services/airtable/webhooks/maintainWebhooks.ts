/**
 * What the cron does about webhooks. They die after seven days in which nobody reads their changes, stop pinging when
 * nobody answers, and pings get lost: so it lengthens their lives, switches their pings on again, reads what no ping has
 * announced, and has the fields of a dead one fetched in full.
 */

import { type CodedError, hasCode, isCodedError } from '../../../shared/errors'
import type { WebhookDeath, WebhookOutcome } from '../../../shared/events'
import { isRedisFailure } from '../../cache/errors'
import type { AnyField } from '../../cache/fields/fieldConfig'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import type { Tended } from '../../cache/operations/scheduledRefresh'
import type { WebhookSecrets } from '../airtableConfig'
import { isAirtableField } from '../airtableField'
import { buildRecord, type HookRecord, type HookStore } from '../changelog/webhookStore'
import type { Webhook, WebhooksApi } from '../webhooksApi'
import { drainNow, type WebhookSync } from './pingQueue'
import type { Hook } from './verifyPing'
import { saveWebhookReport } from './webhookReport'

export interface Maintenance {
  fields: readonly AnyField[]
  secrets: WebhookSecrets
  api(): Promise<WebhooksApi>
  drain: WebhookSync
  store: HookStore
  runtime: CronRuntime
  /** How much time is left for the run, in ms. */
  remainingMs(): number
}

/** A cron that runs daily comes twice more before a webhook dies that has less than this left, in ms. */
const EXTENDED_BELOW_MS = 3 * 86_400_000

const MEND =
  'Make a new one with npm run airtable:webhook -- create, and put its secret in the place of the old one.'

/** What is known of the webhooks of a base. */
interface Base {
  baseId: string
  webhooks: readonly Webhook[]
  /** Why they could not be listed. */
  error?: CodedError
  records: readonly HookRecord[]
}

/** What is known of one of ours. */
interface Seen {
  id: string
  /** Null when nobody has ever met it. */
  baseId: string | null
  scope: string | null
  /** As it is listed; undefined when it is not. */
  webhook?: Webhook | undefined
  /** Why it could not be listed. */
  error?: CodedError | undefined
}

/** Asks once for the webhooks of each base that fields read. Rejects when Redis cannot be asked. */
export async function maintainWebhooks(tending: Maintenance): Promise<Tended> {
  const fields = tending.fields
    .filter(isAirtableField)
    .map(({ name, airtable }) => ({ name, ...airtable.table.locate() }))
  const bases: Base[] = []
  for (const baseId of new Set(fields.map((field) => field.baseId)))
    bases.push(await readBase(tending, baseId))
  const webhooks: WebhookOutcome[] = []
  const due = new Set<string>()
  for (const id of tending.secrets.keys()) {
    const seen = locateWebhook(id, bases)
    const outcome = await maintainWebhook(tending, seen)
    webhooks.push(outcome)
    if (outcome.outcome !== 'dead') continue
    for (const { name, baseId, tableId } of fields) {
      if ((seen.baseId ?? baseId) === baseId && mayWatch(seen.scope, tableId)) due.add(name)
    }
  }
  await saveWebhookReport(tending.runtime, webhooks)
  return { webhooks, due }
}

async function readBase({ api, store }: Maintenance, baseId: string): Promise<Base> {
  const records = await store.read(baseId)
  try {
    return { baseId, records, webhooks: await (await api()).list(baseId) }
  } catch (error) {
    if (!isCodedError(error)) throw error
    return { baseId, records, webhooks: [], error }
  }
}

function locateWebhook(id: string, bases: readonly Base[]): Seen {
  for (const { baseId, webhooks } of bases) {
    const webhook = webhooks.find((listed) => listed.id === id)
    if (webhook) return { id, baseId, scope: webhook.scope, webhook }
  }
  for (const { baseId, records, error } of bases) {
    const record = records.find((known) => known.id === id)
    if (record) return { id, baseId, scope: record.scope, error }
  }
  // As long as one base does not tell, it may be there.
  return { id, baseId: null, scope: null, error: bases.find(({ error }) => error)?.error }
}

/** The id of a view does not tell its table; a table given by name has no id to compare. */
function mayWatch(scope: string | null, tableId: string): boolean {
  return scope === tableId || !scope?.startsWith('tbl') || !tableId.startsWith('tbl')
}

async function maintainWebhook(
  tending: Maintenance,
  { id, baseId, webhook, error }: Seen,
): Promise<WebhookOutcome> {
  const { emit, clock } = tending.runtime.ports
  const told = { webhook: id, base: baseId }
  const why = webhook ? findDeath(webhook, clock.now()) : error === undefined ? 'gone' : undefined
  if (why) {
    emit({ type: 'webhook.dead', ...told, why, hint: MEND })
    return { ...told, outcome: 'dead', drained: false, hint: MEND }
  }
  if (baseId === null) return { ...told, outcome: 'failed', drained: false, ...toFailure(error) }
  const hook = { baseId, webhookId: id }
  if (webhook) return maintainLiving(tending, hook, webhook)
  const read = await drainInTime(tending, hook)
  return { ...told, outcome: 'failed', drained: read.drained, ...toFailure(error) }
}

async function maintainLiving(tending: Maintenance, hook: Hook, webhook: Webhook): Promise<WebhookOutcome> {
  const { baseId, webhookId } = hook
  const api = await tending.api()
  const silent = !webhook.areNotificationsEnabled && webhook.notificationUrl !== null
  const ending = msLeft(webhook, tending.runtime.ports.clock.now()) < EXTENDED_BELOW_MS
  const mute = silent ? await catchFailure(() => api.enableNotifications(baseId, webhookId)) : undefined
  const mortal = ending ? await catchFailure(() => api.refresh(baseId, webhookId)) : undefined
  const { drained, error } = await drainInTime(tending, hook)
  if (drained) await note(tending, hook, webhook)
  // To read changes lengthens its life as well, and takes no creator of the base.
  const lived = drained && hasCode(mortal, 'AIRTABLE_FORBIDDEN') ? undefined : mortal
  const failure = mute ?? lived ?? error
  const outcome = failure ? 'failed' : silent ? 're-enabled' : ending ? 'extended' : 'alive'
  return { webhook: webhookId, base: baseId, outcome, drained, ...toFailure(failure) }
}

/** In each run, so that a quiet webhook is not forgotten; what was listed before its drain has been read by now. */
async function note(
  { store, runtime }: Maintenance,
  { baseId, webhookId }: Hook,
  webhook: Webhook,
): Promise<void> {
  const known = (await store.read(baseId)).find(({ id }) => id === webhookId)
  const seen = { id: webhookId, baseId, scope: webhook.scope, cursor: webhook.cursorForNextPayload }
  await store.save(buildRecord(seen, runtime.ports.clock.now(), known))
}

/** Not drained, and no error: there is no time left, or somebody else is at it. */
async function drainInTime(
  { drain, runtime, remainingMs }: Maintenance,
  hook: Hook,
): Promise<{ drained: boolean; error?: CodedError | undefined }> {
  if (remainingMs() < 2 * runtime.refreshTimeoutMs) return { drained: false }
  let drained = false
  const error = await catchFailure(async () => {
    drained = await drainNow(hook, drain, runtime)
  })
  return { drained, error }
}

/** Rejects with what is no failure of the source: without Redis the whole run is in vain. */
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

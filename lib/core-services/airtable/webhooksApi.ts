/**
 * The webhooks of a base, as Airtable's web API has them. Everything goes through `AirtableService.call`, so requests have
 * the deadline, the turns and the errors of reads. What Airtable adds to its answers is ignored.
 * https://airtable.com/developers/web/api/webhooks-overview
 */

import type { AirtableService, CallOptions } from './airtableService'
import { airtableBadReply, type HookTarget } from './client/airtableErrors'
import { parseReply } from './client/parseReply'
import type { AirtableRequest } from './client/sendRequest'

/** What a webhook watches. Ids only (tbl…, viw…, fld…): Airtable takes no names here. */
export interface WebhookFilters {
  dataTypes: readonly ('tableData' | 'tableFields' | 'tableMetadata')[]
  /** A table or a view; the whole base without it. */
  recordChangeScope?: string
}

export interface Webhook {
  id: string
  /** False once it has expired or its table is gone: it is dead, and cannot be brought back. */
  isHookEnabled: boolean
  /** False after 13 pings in vain: changes are recorded still, but nobody is told. */
  areNotificationsEnabled: boolean
  /** Where the next change will stand in the list of payloads, from 1. */
  cursorForNextPayload: number
  /** ISO 8601; null for one that does not expire. */
  expirationTime: string | null
  notificationUrl: string | null
  /** The table or view that it watches; null for the whole base. */
  scope: string | null
  /** What became of the last ping; null when there was none. */
  lastNotification: { success: boolean; message: string | null; willBeRetried: boolean } | null
  /** ISO 8601. */
  lastSuccessfulNotificationTime: string | null
}

export interface CreatedWebhook {
  id: string
  /** What its pings are signed with. Airtable tells it this once. */
  macSecretBase64: string
  expirationTime: string | null
}

/** What happened, as Airtable tells it: https://airtable.com/developers/web/api/model/webhooks-payload */
export type WebhookPayload = Readonly<Record<string, unknown>>

export interface PayloadPage {
  payloads: readonly WebhookPayload[]
  /**
   * Where to go on. The first payload of the page stands at `cursor - payloads.length`: if that is greater than the
   * cursor that was asked for, some in between are lost.
   */
  cursor: number
  mightHaveMore: boolean
}

export type WebhooksApi = ReturnType<typeof createWebhooksApi>

/** Each call is one request, and rejects as `AirtableService.fetchRecords` does or with AIRTABLE_WEBHOOK_UNKNOWN. */
export function createWebhooksApi(airtable: Pick<AirtableService, 'call'>) {
  function send<T>(
    subject: HookTarget,
    { after = '', ...request }: Omit<AirtableRequest<T>, 'subject' | 'path'> & { after?: string },
    options: CallOptions | undefined,
  ): Promise<T> {
    const { baseId, webhookId } = subject
    const one = webhookId === undefined ? '' : `/${encodeURIComponent(webhookId)}`
    const path = `/v0/bases/${encodeURIComponent(baseId)}/webhooks${one}${after}`
    return airtable.call({ ...request, subject, path }, options)
  }

  return {
    /** All that the key may see, other programs' among them. */
    list(baseId: string, options?: CallOptions): Promise<Webhook[]> {
      const subject = { baseId }
      const read = (text: string) => readWebhooks(text, subject)
      return send(subject, { method: 'GET', repeatable: true, read }, options)
    },
    /** Not tried again: who does not know whether it was heard looks at the list. Rejects with AIRTABLE_WEBHOOKS_FULL. */
    create(
      baseId: string,
      { notificationUrl, filters }: { notificationUrl: string; filters: WebhookFilters },
      options?: CallOptions,
    ): Promise<CreatedWebhook> {
      const subject = { baseId }
      const body = { notificationUrl, specification: { options: { filters } } }
      const read = (text: string) => readCreated(text, subject)
      return send(subject, { method: 'POST', repeatable: false, body, read }, options)
    },
    /** Lengthens its life to seven days from now; answers until when. */
    refresh(baseId: string, webhookId: string, options?: CallOptions): Promise<string | null> {
      const subject = { baseId, webhookId }
      const read = (text: string) => optionalText(parseReply(text, subject).expirationTime)
      return send(subject, { method: 'POST', after: '/refresh', repeatable: true, read }, options)
    },
    enableNotifications(baseId: string, webhookId: string, options?: CallOptions): Promise<void> {
      const request = { method: 'POST', after: '/enableNotifications', body: { enable: true } } as const
      return send({ baseId, webhookId }, { ...request, repeatable: true, read: ignored }, options)
    },
    /** Not tried again: the second answer would be that there is no such webhook. */
    delete(baseId: string, webhookId: string, options?: CallOptions): Promise<void> {
      const request = { method: 'DELETE', repeatable: false, read: ignored } as const
      return send({ baseId, webhookId }, request, options)
    },
    /** 50 at most, from the cursor on, else from the oldest; it lengthens the life of the webhook, too. */
    payloads(
      baseId: string,
      webhookId: string,
      cursor?: number | undefined,
      options?: CallOptions,
    ): Promise<PayloadPage> {
      const subject = { baseId, webhookId }
      const after = `/payloads${cursor === undefined ? '' : `?cursor=${cursor}`}`
      const read = (text: string) => readPayloads(text, subject)
      return send(subject, { method: 'GET', after, repeatable: true, read }, options)
    },
  }
}

function readWebhooks(text: string, subject: HookTarget): Webhook[] {
  const { webhooks } = parseReply(text, subject)
  if (!Array.isArray(webhooks)) throw airtableBadReply(subject, 'the answer holds no list of webhooks')
  return webhooks.map((webhook) => readWebhook(Object(webhook), subject))
}

function readWebhook(raw: Readonly<Record<string, unknown>>, subject: HookTarget): Webhook {
  const { id, isHookEnabled, areNotificationsEnabled, cursorForNextPayload } = raw
  const known =
    isFilled(id) && typeof isHookEnabled === 'boolean' && typeof areNotificationsEnabled === 'boolean'
  if (!known || !isCursor(cursorForNextPayload))
    throw airtableBadReply(subject, 'one of the webhooks is not a webhook')
  const options = Object(Object(raw.specification).options)
  const result = raw.lastNotificationResult
  return {
    id,
    isHookEnabled,
    areNotificationsEnabled,
    cursorForNextPayload,
    expirationTime: optionalText(raw.expirationTime),
    notificationUrl: optionalText(raw.notificationUrl),
    scope: optionalText(Object(options.filters).recordChangeScope),
    lastNotification: isObject(result)
      ? {
          success: result.success === true,
          message: optionalText(Object(result.error).message),
          willBeRetried: result.willBeRetried === true,
        }
      : null,
    lastSuccessfulNotificationTime: optionalText(raw.lastSuccessfulNotificationTime),
  }
}

function readCreated(text: string, subject: HookTarget): CreatedWebhook {
  const { id, macSecretBase64, expirationTime } = parseReply(text, subject)
  if (!isFilled(id) || !isFilled(macSecretBase64))
    throw airtableBadReply(subject, 'the answer holds no webhook with its secret')
  return { id, macSecretBase64, expirationTime: optionalText(expirationTime) }
}

function readPayloads(text: string, subject: HookTarget): PayloadPage {
  const { payloads, cursor, mightHaveMore } = parseReply(text, subject)
  if (!Array.isArray(payloads) || !payloads.every(isObject))
    throw airtableBadReply(subject, 'the answer holds no list of payloads')
  // Taken for anything else, what is missing here would lose changes.
  if (!isCursor(cursor) || typeof mightHaveMore !== 'boolean')
    throw airtableBadReply(subject, 'the answer does not say where its payloads end')
  return { payloads, cursor, mightHaveMore }
}

const ignored = (): void => undefined

const isFilled = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isCursor = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const optionalText = (value: unknown): string | null => (isFilled(value) ? value : null)

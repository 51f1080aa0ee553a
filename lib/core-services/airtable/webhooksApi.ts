/**
 * Every request goes through `AirtableService.call`, so it has the deadline, the rate limit and the errors of reads.
 * https://airtable.com/developers/web/api/webhooks-overview
 */

import { isObject } from '../../shared/text'
import type { AirtableService, CallOptions } from './airtableService'
import { airtableBadReply, type HookTarget } from './client/airtableErrors'
import { parseReply } from './client/parseReply'
import type { AirtableRequest } from './client/sendRequest'

/** Takes ids only (tbl…, viw…, fld…). */
export interface WebhookFilters {
  dataTypes: readonly ('tableData' | 'tableFields' | 'tableMetadata')[]
  /**
   * A table or a view.
   * @default the whole base
   */
  recordChangeScope?: string
}

export interface Webhook {
  id: string
  /** False for a webhook that has expired or lost its table. It cannot be revived. */
  isHookEnabled: boolean
  /** False after 13 failed pings. Changes are still recorded, but not announced. */
  areNotificationsEnabled: boolean
  /** The number of the next payload, from 1. */
  cursorForNextPayload: number
  /** ISO 8601; null for a webhook that does not expire. */
  expirationTime: string | null
  notificationUrl: string | null
  scope: string | null
  lastNotification: { success: boolean; message: string | null; willBeRetried: boolean } | null
  /** ISO 8601. */
  lastSuccessfulNotificationTime: string | null
}

export interface CreatedWebhook {
  id: string
  /** The secret that signs its pings. Airtable shows it only once. */
  macSecretBase64: string
  expirationTime: string | null
}

export type WebhookPayload = Readonly<Record<string, unknown>>

export interface PayloadPage {
  payloads: readonly WebhookPayload[]
  /**
   * Where the next page begins. The first payload of this page has the number `cursor - payloads.length`; a greater
   * number than the requested one means that payloads are lost.
   */
  cursor: number
  mightHaveMore: boolean
}

export type WebhooksApi = ReturnType<typeof createWebhooksApi>

/** Each call is one request, and rejects as `AirtableService.fetchRecords` does or with AIRTABLE_WEBHOOK_UNKNOWN. */
export function createWebhooksApi(airtable: Pick<AirtableService, 'call'>) {
  function send<T>(
    target: HookTarget,
    { after = '', ...request }: Omit<AirtableRequest<T>, 'target' | 'path'> & { after?: string },
    options: CallOptions | undefined,
  ): Promise<T> {
    const { baseId, webhookId } = target
    const one = webhookId === undefined ? '' : `/${encodeURIComponent(webhookId)}`
    const path = `/v0/bases/${encodeURIComponent(baseId)}/webhooks${one}${after}`
    return airtable.call({ ...request, target, path }, options)
  }

  return {
    /** Includes the webhooks of other programs. */
    list(baseId: string, options?: CallOptions): Promise<Webhook[]> {
      const target = { baseId }
      const read = (text: string) => readWebhooks(text, target)
      return send(target, { method: 'GET', repeatable: true, read }, options)
    },
    /** Not retried, because a repetition could create a second webhook. Rejects with AIRTABLE_WEBHOOKS_FULL. */
    create(
      baseId: string,
      { notificationUrl, filters }: { notificationUrl: string; filters: WebhookFilters },
      options?: CallOptions,
    ): Promise<CreatedWebhook> {
      const target = { baseId }
      const body = { notificationUrl, specification: { options: { filters } } }
      const read = (text: string) => readCreated(text, target)
      return send(target, { method: 'POST', repeatable: false, body, read }, options)
    },
    /** Extends the life of a webhook to seven days from now and resolves with its end. */
    refresh(baseId: string, webhookId: string, options?: CallOptions): Promise<string | null> {
      const target = { baseId, webhookId }
      const read = (text: string) => optionalText(parseReply(text, target).expirationTime)
      return send(target, { method: 'POST', after: '/refresh', repeatable: true, read }, options)
    },
    enableNotifications(baseId: string, webhookId: string, options?: CallOptions): Promise<void> {
      const request = { method: 'POST', after: '/enableNotifications', body: { enable: true } } as const
      return send({ baseId, webhookId }, { ...request, repeatable: true, read: ignored }, options)
    },
    /** Not retried, because a repetition would fail with AIRTABLE_WEBHOOK_UNKNOWN. */
    delete(baseId: string, webhookId: string, options?: CallOptions): Promise<void> {
      const request = { method: 'DELETE', repeatable: false, read: ignored } as const
      return send({ baseId, webhookId }, request, options)
    },
    /** At most 50 payloads, from the cursor or else the oldest. Also extends the life of the webhook. */
    payloads(
      baseId: string,
      webhookId: string,
      cursor?: number | undefined,
      options?: CallOptions,
    ): Promise<PayloadPage> {
      const target = { baseId, webhookId }
      const after = `/payloads${cursor === undefined ? '' : `?cursor=${cursor}`}`
      const read = (text: string) => readPayloads(text, target)
      return send(target, { method: 'GET', after, repeatable: true, read }, options)
    },
  }
}

function readWebhooks(text: string, target: HookTarget): Webhook[] {
  const { webhooks } = parseReply(text, target)
  if (!Array.isArray(webhooks)) throw airtableBadReply(target, 'the answer holds no list of webhooks')
  return webhooks.map((webhook) => readWebhook(Object(webhook), target))
}

function readWebhook(raw: Readonly<Record<string, unknown>>, target: HookTarget): Webhook {
  const { id, isHookEnabled, areNotificationsEnabled, cursorForNextPayload } = raw
  const known =
    isFilled(id) && typeof isHookEnabled === 'boolean' && typeof areNotificationsEnabled === 'boolean'
  if (!known || !isCursor(cursorForNextPayload))
    throw airtableBadReply(target, 'one of the webhooks is not a webhook')
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

function readCreated(text: string, target: HookTarget): CreatedWebhook {
  const { id, macSecretBase64, expirationTime } = parseReply(text, target)
  if (!isFilled(id) || !isFilled(macSecretBase64))
    throw airtableBadReply(target, 'the answer holds no webhook with its secret')
  return { id, macSecretBase64, expirationTime: optionalText(expirationTime) }
}

function readPayloads(text: string, target: HookTarget): PayloadPage {
  const { payloads, cursor, mightHaveMore } = parseReply(text, target)
  if (!Array.isArray(payloads) || !payloads.every(isObject))
    throw airtableBadReply(target, 'the answer holds no list of payloads')
  // Guessing a missing cursor would lose changes.
  if (!isCursor(cursor) || typeof mightHaveMore !== 'boolean')
    throw airtableBadReply(target, 'the answer does not say where its payloads end')
  return { payloads, cursor, mightHaveMore }
}

const ignored = (): void => undefined

const isFilled = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isCursor = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

const optionalText = (value: unknown): string | null => (isFilled(value) ? value : null)

/**
 * What Airtable posts to a webhook's URL: a doorbell, which tells neither what has changed nor where.
 * https://airtable.com/developers/web/api/webhooks-overview#webhook-notification-delivery
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { WebhookSecrets } from '../airtableConfig'

/** One webhook of a base. */
export interface Hook {
  /** app… */
  baseId: string
  /** ach… */
  webhookId: string
}

export interface Ping extends Hook {
  /** When Airtable made it, in ms since 1970. */
  sentAt: number
}

/** What a well-formed MAC is compared with, when none is given. */
const NO_MAC = '0'.repeat(64)

/**
 * The ping, if the header X-Airtable-Content-MAC proves that it is Airtable's: `hmac-sha256=` and in hex the HMAC over
 * the bytes of the body, with the secret of the webhook that the body names. Whatever is wrong takes the same way, so
 * that nobody learns which webhooks there are.
 */
export function verifiedPing(
  body: Uint8Array,
  header: string | null,
  secrets: WebhookSecrets,
): Ping | undefined {
  const ping = readPing(body)
  const secret = ping && secrets.get(ping.webhookId)
  const expected = createHmac('sha256', secret ?? randomBytes(32))
    .update(body)
    .digest()
  const given = /^hmac-sha256=([0-9a-f]{64})$/i.exec(header ?? '')?.[1]
  const equal = timingSafeEqual(expected, Buffer.from(given ?? NO_MAC, 'hex'))
  return equal && given !== undefined && secret ? ping : undefined
}

function readPing(body: Uint8Array): Ping | undefined {
  const { base, webhook, timestamp } = Object(parse(body)) as Record<string, unknown>
  const baseId = idIn(base, /^app\w{1,40}$/)
  const webhookId = idIn(webhook, /^ach\w{1,40}$/)
  const sentAt = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN
  return baseId && webhookId && !Number.isNaN(sentAt) ? { baseId, webhookId, sentAt } : undefined
}

function idIn(holder: unknown, pattern: RegExp): string | undefined {
  const { id } = Object(holder) as { id?: unknown }
  return typeof id === 'string' && pattern.test(id) ? id : undefined
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

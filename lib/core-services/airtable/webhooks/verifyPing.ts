/**
 * Verifies pings, which show neither what has changed nor where.
 * https://airtable.com/developers/web/api/webhooks-overview#webhook-notification-delivery
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { WebhookSecrets } from '../airtableConfig'

export interface Hook {
  baseId: string
  webhookId: string
}

export interface Ping extends Hook {
  /** When Airtable made it, in ms since 1970. */
  sentAt: number
}

/** Compared when the request has no well-formed MAC. */
const NO_MAC = '0'.repeat(64)

/**
 * Returns the ping if the header X-Airtable-Content-MAC holds `hmac-sha256=` and, in hex, the HMAC of the body with the
 * secret of the named webhook. Every wrong request takes the same path and time, so that its sender cannot find webhooks.
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

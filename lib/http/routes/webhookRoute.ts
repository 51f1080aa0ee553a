import { webhookSecrets } from '../../core-services/airtable/airtableConfig'
import { announcePing, drainPingQueue } from '../../core-services/airtable/webhooks/pingQueue'
import { type Ping, verifiedPing } from '../../core-services/airtable/webhooks/verifyPing'
import { createWebhookSync } from '../../core-services/airtable/webhooks/webhookSync'
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { fieldRuntime } from '../../core-services/cache/processContext'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { readRequestBody } from '../guards/requestBody'
import { NO_STORE } from '../headers'
import { pingUnverified, problemResponse } from '../problem'

/** A ping has about 130 bytes. */
const MAX_BYTES = 64 * 1024

/** When the newest processed ping of each webhook was sent, in ms since 1970. Older pings are ignored. */
const newestProcessed = () => processState('settled pings', () => new Map<string, number>())

/**
 * Answers 204 once Redis has recorded the ping; the sync follows after the answer. 503 when Redis has not recorded it, so
 * that Airtable sends it again. 401 for every request without the right MAC. A replay gets 204 too, and costs nothing.
 */
export async function answerWebhook(request: Request, fields: readonly AnyField[]): Promise<Response> {
  try {
    const body = await readRequestBody(request, MAX_BYTES, 'cancel')
    const ping = body && verifiedPing(body, request.headers.get('x-airtable-content-mac'), webhookSecrets())
    if (!ping) throw pingUnverified()
    if (
      ping.sentAt > (newestProcessed().get(ping.webhookId) ?? 0) &&
      (await announcePing(ping, fieldRuntime()))
    )
      processPorts().defer(() => processPing(ping, fields))
    return new Response(null, { status: 204, headers: NO_STORE })
  } catch (error) {
    return problemResponse(request, error, { label: 'Failed to take the ping', trusted: false })
  }
}

async function processPing(ping: Ping, fields: readonly AnyField[]): Promise<void> {
  if (!(await drainPingQueue(ping, createWebhookSync(fields), fieldRuntime()))) return
  newestProcessed().set(ping.webhookId, Math.max(ping.sentAt, newestProcessed().get(ping.webhookId) ?? 0))
}

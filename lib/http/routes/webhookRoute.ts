/** Where Airtable rings when something has changed. */
import { webhookSecrets } from '../../core-services/airtable/airtableConfig'
import { createWebhookSync } from '../../core-services/airtable/webhooks/handlePing'
import { announcePing, drainPingQueue } from '../../core-services/airtable/webhooks/pingQueue'
import { type Ping, verifiedPing } from '../../core-services/airtable/webhooks/verifyPing'
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { fieldRuntime } from '../../core-services/cache/processContext'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { readRequestBody } from '../guards/requestBody'
import { NO_STORE } from '../headers'
import { pingUnverified, problemResponse } from '../problem'

/** A ping has some 130. */
const MAX_BYTES = 64 * 1024

/** The newest ping of each webhook that this process has settled, in ms since 1970: what is not newer is a replay. */
const settled = () => processState('settled pings', () => new Map<string, number>())

/**
 * 204 to a ping with the right MAC once Redis has noted it, before any of the work that it causes; 503 when Redis has not,
 * so that Airtable rings again; 401 to everything else, which causes no work and leaves no trace. Replays are answered as
 * pings, and cost nothing either.
 */
export async function answerWebhook(request: Request, fields: readonly AnyField[]): Promise<Response> {
  try {
    const body = await readRequestBody(request, MAX_BYTES, 'cancel')
    const ping = body && verifiedPing(body, request.headers.get('x-airtable-content-mac'), webhookSecrets())
    if (!ping) throw pingUnverified()
    if (ping.sentAt > (settled().get(ping.webhookId) ?? 0) && (await announcePing(ping, fieldRuntime())))
      processPorts().defer(() => follow(ping, fields))
    return new Response(null, { status: 204, headers: NO_STORE })
  } catch (error) {
    return problemResponse(request, error, { label: 'Failed to take the ping', trusted: false })
  }
}

async function follow(ping: Ping, fields: readonly AnyField[]): Promise<void> {
  if (!(await drainPingQueue(ping, createWebhookSync(fields), fieldRuntime()))) return
  settled().set(ping.webhookId, Math.max(ping.sentAt, settled().get(ping.webhookId) ?? 0))
}

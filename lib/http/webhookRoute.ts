/** Where Airtable rings when something has changed. */
import { webhookSecrets } from '../config/airtableConfig'
import { drainInto } from '../core-services/airtable/changes/drain'
import { receivePing } from '../core-services/airtable/changes/pings'
import { verifiedPing } from '../core-services/airtable/changes/verifiedPing'
import type { AnyField } from '../core-services/cache/engine/fieldConfig'
import { processPorts } from '../core-services/cache/engine/ports'
import { fieldRuntime } from '../core-services/cache/fieldRuntime'
import { readBytes } from './boundedRequest'
import { NO_STORE } from './headers'
import { pingUnverified, problemResponse } from './problem'

/** A ping has some 130. */
const MAX_BYTES = 64 * 1024

/**
 * 204 to a ping with the right MAC, before any of the work that it causes; 401 to everything else, which causes none and
 * leaves no trace.
 */
export async function answerWebhook(request: Request, fields: readonly AnyField[]): Promise<Response> {
  try {
    const body = await readBytes(request, MAX_BYTES)
    const ping = body && verifiedPing(body, request.headers.get('x-airtable-content-mac'), webhookSecrets())
    if (!ping) throw pingUnverified()
    processPorts().defer(() => receivePing(ping, drainInto(fields), fieldRuntime()))
    return new Response(null, { status: 204, headers: NO_STORE })
  } catch (error) {
    return problemResponse(request, error, { label: 'Failed to take the ping', trusted: false })
  }
}

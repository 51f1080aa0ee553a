import { WEBHOOK_PATH } from './airtable/webhooks/registerWebhook'

/** The routes of fields, and the one that pings go to, which should not wait for it. */
const ROUTES = ['/api/fields/any', WEBHOOK_PATH]

/**
 * Has Next compile the routes of fields before somebody edits one. Its development server takes note of an edit only in
 * routes that it has compiled: the first request to a new field's URL would otherwise meet the list of fields as it was
 * before the edit, and answer 404.
 */
export async function compileRoutes(appUrl: string, stop: AbortSignal): Promise<void> {
  const pause = () => new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  const closed = [...ROUTES]
  while (closed[0] !== undefined && !stop.aborted) {
    // OPTIONS is answered by Next itself: the route is compiled, and nothing of ours runs.
    const opened = await fetch(appUrl + closed[0], { method: 'OPTIONS', signal: stop }).then(
      () => true,
      () => false,
    )
    if (opened) closed.shift()
    else await pause()
  }
}

const RETRY_MS = 250

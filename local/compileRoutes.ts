import { WEBHOOK_PATH } from './airtable/webhooks/registerWebhook'

/** The last route receives pings, which should not wait for a compilation. */
const ROUTES = ['/api/fields/any', WEBHOOK_PATH]

/**
 * Next's development server notices edits only in compiled routes. Otherwise the first request to a new field would see
 * the fields before the edit, and get a 404.
 */
export async function compileRoutes(appUrl: string, stop: AbortSignal): Promise<void> {
  const pause = () => new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  const pending = [...ROUTES]
  while (pending[0] !== undefined && !stop.aborted) {
    // Next answers OPTIONS itself: it compiles the route and runs no code of the app.
    const compiled = await fetch(appUrl + pending[0], { method: 'OPTIONS', signal: stop }).then(
      () => true,
      () => false,
    )
    if (compiled) pending.shift()
    else await pause()
  }
}

const RETRY_MS = 250

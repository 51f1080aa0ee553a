import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Settings } from '../controls'

/** The first retry comes after FIRST_RETRY_MS; each further wait is twice as long. */
const RETRIES = 13
const FIRST_RETRY_MS = 10_000

export type PingResult = {
  readonly completionTimestamp: string
  readonly durationMs: number
  readonly retryNumber: number
} & (
  | { readonly success: true }
  | { readonly success: false; readonly error: { readonly message: string }; readonly willBeRetried: boolean }
)

export interface Pinged {
  readonly id: string
  readonly macSecretBase64: string
  readonly notificationUrl: string | null
  areNotificationsEnabled: boolean
  lastNotificationResult: PingResult | null
  lastSuccessfulNotificationTime: string | null
}

/** Rejects when the server is closed meanwhile. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<unknown>

const waitInTheBackground: Wait = (ms, signal) => delay(ms, undefined, { ref: false, signal })

export const contentMac = (macSecretBase64: string, body: string): string =>
  `hmac-sha256=${createHmac('sha256', Buffer.from(macSecretBase64, 'base64')).update(body).digest('hex')}`

/** Each webhook has at most one ping at a time, which also announces all changes until it is sent. */
export function createPings(
  baseId: string,
  settings: Settings,
  now: () => number,
  wait: Wait = waitInTheBackground,
) {
  const closing = new AbortController()
  const underWay = new Map<Pinged, { again: boolean }>()
  const held = new Set<Pinged>()

  async function post(hook: Pinged, retryNumber: number): Promise<PingResult> {
    const timestamp = new Date(now()).toISOString()
    const body = JSON.stringify({ base: { id: baseId }, webhook: { id: hook.id }, timestamp })
    const mac = contentMac(hook.macSecretBase64, body)
    const headers = { 'content-type': 'application/json', 'x-airtable-content-mac': mac }
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(settings.pingTimeoutMs)])
    const started = performance.now()
    const problem = await fetch(hook.notificationUrl ?? '', {
      method: 'POST',
      headers,
      body,
      signal,
      redirect: 'manual',
    }).then(
      ({ status }) => (status === 200 || status === 204 ? undefined : `The answer was ${status}`),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    const common = {
      completionTimestamp: new Date(now()).toISOString(),
      durationMs: performance.now() - started,
      retryNumber,
    }
    if (problem === undefined) return { ...common, success: true }
    return { ...common, success: false, error: { message: problem }, willBeRetried: retryNumber < RETRIES }
  }

  /** Returns false when the ping must be sent again. */
  async function attempt(hook: Pinged, retryNumber: number): Promise<boolean> {
    if (settings.losePings > 0) {
      settings.losePings -= 1
      return true
    }
    for (let copy = 0; copy < settings.pingCopies; copy += 1) {
      const result = await post(hook, retryNumber)
      hook.lastNotificationResult = result
      if (!result.success) {
        hook.areNotificationsEnabled &&= result.willBeRetried
        return false
      }
      hook.lastSuccessfulNotificationTime = result.completionTimestamp
    }
    return true
  }

  async function deliver(hook: Pinged): Promise<void> {
    const state = { again: true }
    underWay.set(hook, state)
    while (state.again) {
      let done = false
      for (let retry = 0; !done && hook.areNotificationsEnabled; retry += 1) {
        if (retry > 0) await wait(FIRST_RETRY_MS * 2 ** (retry - 1), closing.signal)
        if (!hook.areNotificationsEnabled) break
        // The ping that is sent now announces all changes until now.
        state.again = false
        done = await attempt(hook, retry)
      }
      state.again &&= hook.areNotificationsEnabled
    }
    underWay.delete(hook)
  }

  const announce = (hook: Pinged): void => {
    if (hook.notificationUrl === null || !hook.areNotificationsEnabled) return
    const state = underWay.get(hook)
    if (settings.holdPings) held.add(hook)
    else if (state !== undefined) state.again = true
    // It only rejects when the server is closed.
    else deliver(hook).catch(() => underWay.delete(hook))
  }
  return {
    /** Does nothing when a ping is already waiting. */
    announce,
    release(): void {
      const due = [...held]
      held.clear()
      for (const hook of due) announce(hook)
    },
    close: (): void => closing.abort(),
  }
}

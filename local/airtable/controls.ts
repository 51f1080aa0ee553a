import { z } from 'zod'

const milliseconds = z.number().min(0)

/** Settings for what varies at the vendor. They apply from the next request on. */
const settingsSchema = z.strictObject({
  /** Over how many payloads one write is spread, at most one for each record created, deleted or cell changed. */
  splitPayloads: z.int().min(1),
  /** How often each ping is sent. */
  pingCopies: z.int().min(1),
  /** How many of the next pings are lost: not sent, and not sent again. */
  losePings: z.int().min(0),
  /** Holds pings back. When it is false again, one ping for each webhook announces all changes since. */
  holdPings: z.boolean(),
  /** How long the receiver may take to answer a ping. */
  pingTimeoutMs: milliseconds,
  /** Reads return the records as they were this long ago. Payloads and pings are not delayed. */
  readLagMs: milliseconds,
  /** How long the URL of an attachment works after its answer. */
  attachmentLifeMs: milliseconds,
  /**
   * For a cursor before the oldest payload: `skip` lists from the oldest on, `refuse` answers 422. The vendor's documents
   * do not say.
   */
  lostCursor: z.enum(['skip', 'refuse']),
})
const changesOfSettings = settingsSchema.partial()

export type Settings = z.infer<typeof settingsSchema>
export const DEFAULT_SETTINGS: Settings = {
  splitPayloads: 1,
  pingCopies: 1,
  losePings: 0,
  holdPings: false,
  pingTimeoutMs: 25_000,
  readLagMs: 0,
  attachmentLifeMs: 7_200_000,
  lostCursor: 'skip',
}

/** Without a webhook id the action applies to all webhooks of the base. */
const webhook = z.string().optional()

/**
 * Events on demand:
 * - `ping`: sends a ping although nothing has changed.
 * - `expire`: ends the webhook's seven days.
 * - `disable-notifications`: turns notifications off, as 13 failed retries do.
 * - `forget-payloads`: deletes payloads, as a week does; keeps the newest `keep` (default 0).
 * - `payload`: adds a payload, with these keys over those that every payload has: for an `INTERNAL_ERROR`, a change of the
 *   schema, an unknown format.
 * - `invalidate`: adds a payload with this error and disables the webhook for good.
 */
const actionSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('ping'), webhook }),
  z.strictObject({ do: z.literal('expire'), webhook }),
  z.strictObject({ do: z.literal('disable-notifications'), webhook }),
  z.strictObject({ do: z.literal('forget-payloads'), webhook, keep: z.int().min(0).optional() }),
  z.strictObject({ do: z.literal('payload'), webhook, payload: z.record(z.string(), z.unknown()) }),
  z.strictObject({ do: z.literal('invalidate'), webhook, code: z.enum(['INVALID_FILTERS', 'INVALID_HOOK']) }),
])
export type Action = z.infer<typeof actionSchema>

export interface Controls {
  readonly settings: Readonly<Settings>
  /** Throws an error of one line for an invalid setting. */
  set(changes: Partial<Settings>): void
  /** Throws an error of one line for an invalid action or an unknown webhook. */
  act(action: Action): void
}

function parse<T>(schema: z.ZodType<T>, raw: unknown): T {
  const { success, data, error } = schema.safeParse(raw)
  if (success) return data
  throw new Error(error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; '))
}

/** Changes `settings` in place, and calls `changed` after each change. */
export function createControls(
  settings: Settings,
  changed: () => void,
  act: (action: Action) => void,
): Controls {
  return {
    settings,
    set(changes) {
      Object.assign(settings, parse(changesOfSettings, changes))
      changed()
    },
    act: (action) => act(parse(actionSchema, action)),
  }
}

/**
 * GET answers the settings, POST runs an action (an object with `do`) or changes settings, DELETE resets the settings.
 */
export function answerControl(controls: Controls, method: string, text: string) {
  try {
    if (method === 'POST') {
      const raw: unknown = JSON.parse(text)
      if ('do' in Object(raw)) controls.act(raw as Action)
      else controls.set(raw as Partial<Settings>)
    } else if (method === 'DELETE') controls.set(DEFAULT_SETTINGS)
    else if (method !== 'GET') return { status: 405, body: { error: 'method not allowed' } }
    return { status: 200, body: { settings: controls.settings } }
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } }
  }
}

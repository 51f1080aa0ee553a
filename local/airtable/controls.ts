import { z } from 'zod'

const milliseconds = z.number().min(0)

/** How the server behaves where the vendor's behaviour varies; each setting counts from the next request on. */
const settingsSchema = z.strictObject({
  /** Over how many payloads one write is spread, at most one for each record created, deleted or cell changed. */
  splitPayloads: z.int().min(1),
  /** How often each ping is sent. */
  pingCopies: z.int().min(1),
  /** How many of the next pings are not sent at all, and not sent again either. */
  losePings: z.int().min(0),
  /** Keeps pings back until it is false again: what happened meanwhile is announced by one ping for each webhook. */
  holdPings: z.boolean(),
  /** How long a ping may take to be answered. */
  pingTimeoutMs: milliseconds,
  /** Reading records answers what stood so long ago; payloads and pings come at once. */
  readLagMs: milliseconds,
  /** How long the URL of an attachment is good, counted from the answer that it came in. */
  attachmentLifeMs: milliseconds,
  /**
   * What a cursor is answered that points before the oldest payload kept: `skip` lists from the oldest on, so that
   * numbers are missing; `refuse` answers 422. The vendor does not say what it does.
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

/** The webhook that is meant; all of the base without it. */
const webhook = z.string().optional()

/**
 * What can be made to happen now:
 * - `ping`: a ping although nothing has changed.
 * - `expire`: the end of the webhook's seven days.
 * - `disable-notifications`: what 13 retries in vain lead to.
 * - `forget-payloads`: what a week does to payloads; `keep` spares that many of the newest (default 0).
 * - `payload`: one more payload, with these keys over those that every payload has. This is how to come by an
 *   `INTERNAL_ERROR`, a change of the schema, an unknown format.
 * - `invalidate`: a payload of that error; the webhook is disabled for good.
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
  /** Changes the settings that are named; throws an error of one line when one makes no sense. */
  set(changes: Partial<Settings>): void
  /** Throws an error of one line for what is no action or names an unknown webhook. */
  act(action: Action): void
}

function parse<T>(schema: z.ZodType<T>, raw: unknown): T {
  const { success, data, error } = schema.safeParse(raw)
  if (success) return data
  throw new Error(error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; '))
}

/** Controls over `settings`, which change in place. */
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
 * Answers a request to the control endpoint: GET tells the settings, POST takes an action (an object with `do`) or
 * changes settings, DELETE sets the settings back.
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

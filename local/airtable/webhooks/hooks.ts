import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Action, Settings } from '../controls'
import { fail, notFound, refuse } from '../errors'
import { check } from '../parameters'
import type { Commit } from '../tables/store'
import { newId, type Table } from '../tables/table'
import { createCells } from './cells'
import { describeChanges } from './payload'
import type { createPings, Pinged } from './pings'
import { readWebhookRequest, type Specification } from './specification'

/** How long a webhook lives without requests for its payloads, in ms. Payloads and expired webhooks are kept as long. */
const WEEK_MS = 604_800_000
const MAX_WEBHOOKS = 10

const AUTHOR = {
  source: 'publicApi',
  sourceMetadata: {
    user: {
      id: 'usrLocalPerson001',
      email: 'local@example.com',
      permissionLevel: 'create',
      name: 'Local Person',
    },
  },
} as const

interface Hook extends Pinged {
  readonly specification: Specification
  isHookEnabled: boolean
  expiresAt: number
  cursorForNextPayload: number
  payloads: { readonly cursor: number; readonly keptUntil: number; readonly payload: object }[]
}

const payloadsQuery = z.strictObject({
  cursor: z.coerce.number().int().min(1).default(1),
  limit: z.coerce.number().int().min(1).max(50).default(50),
})
const notificationsRequest = z.strictObject({ enable: z.boolean() })

const iso = (moment: number): string => new Date(moment).toISOString()

/** Each method is a call of the API, except `changed` and `act`. `now`: in ms since 1970. */
export function createHooks(
  tables: readonly Table[],
  settings: Settings,
  now: () => number,
  pings: ReturnType<typeof createPings>,
) {
  const hooks = new Map<string, Hook>()
  const cells = createCells(tables)
  let transaction = 0

  const currentHooks = (): Hook[] => {
    for (const hook of hooks.values()) {
      if (now() >= hook.expiresAt) hook.isHookEnabled = false
      if (now() >= hook.expiresAt + WEEK_MS) hooks.delete(hook.id)
      hook.payloads = hook.payloads.filter(({ keptUntil }) => keptUntil > now())
    }
    return [...hooks.values()]
  }
  const find = (id: string): Hook => currentHooks().find((hook) => hook.id === id) ?? refuse(notFound)

  const append = (hook: Hook, contents: readonly object[]): void => {
    const common = { timestamp: iso(now()), baseTransactionNumber: transaction, payloadFormat: 'v0' }
    for (const content of contents) {
      const payload = { ...common, actionMetadata: AUTHOR, ...content }
      hook.payloads.push({ cursor: hook.cursorForNextPayload, keptUntil: now() + WEEK_MS, payload })
      hook.cursorForNextPayload += 1
    }
    if (contents.length > 0) pings.announce(hook)
  }
  const changed: Commit = (table, changes) => {
    transaction += 1
    for (const hook of currentHooks().filter(({ isHookEnabled }) => isHookEnabled)) {
      append(hook, describeChanges(hook.specification, table, changes, settings.splitPayloads, cells))
    }
  }

  const actOn = (hook: Hook, action: Action): void => {
    if (action.do === 'ping') pings.announce(hook)
    else if (action.do === 'expire') hook.expiresAt = now()
    else if (action.do === 'disable-notifications') hook.areNotificationsEnabled = false
    else if (action.do === 'forget-payloads')
      hook.payloads = hook.payloads.slice(Math.max(0, hook.payloads.length - (action.keep ?? 0)))
    else if (action.do === 'payload') append(hook, [action.payload])
    else {
      append(hook, [{ error: true, code: action.code }])
      hook.isHookEnabled = false
    }
  }

  return {
    changed,
    /** For one webhook, or for all of them. */
    act(action: Action): void {
      const selected = currentHooks().filter(
        ({ id }) => action.webhook === undefined || action.webhook === id,
      )
      if (selected.length === 0) throw new Error(`there is no webhook ${action.webhook ?? ''}`.trim())
      if (action.do === 'payload' || action.do === 'invalidate') transaction += 1
      for (const hook of selected) actOn(hook, action)
    },
    create(raw: unknown) {
      const { notificationUrl = null, specification } = readWebhookRequest(raw, tables)
      if (currentHooks().length >= MAX_WEBHOOKS) {
        const message = `A base can have at most ${MAX_WEBHOOKS} webhooks`
        fail(422, 'TOO_MANY_WEBHOOKS_IN_BASE', message)
      }
      const hook: Hook = {
        id: newId('ach'),
        macSecretBase64: randomBytes(32).toString('base64'),
        notificationUrl,
        specification,
        isHookEnabled: true,
        areNotificationsEnabled: notificationUrl !== null,
        expiresAt: now() + WEEK_MS,
        cursorForNextPayload: 1,
        payloads: [],
        lastNotificationResult: null,
        lastSuccessfulNotificationTime: null,
      }
      hooks.set(hook.id, hook)
      pings.announce(hook)
      const { id, macSecretBase64, expiresAt } = hook
      return { id, macSecretBase64, expirationTime: iso(expiresAt) }
    },
    list: () => ({
      webhooks: currentHooks().map(
        ({ payloads: _payloads, macSecretBase64: _secret, expiresAt, ...rest }) => ({
          ...rest,
          expirationTime: iso(expiresAt),
        }),
      ),
    }),
    remove(id: string): void {
      const hook = find(id)
      hook.areNotificationsEnabled = false
      hooks.delete(hook.id)
    },
    refresh(id: string) {
      const hook = find(id)
      if (!hook.isHookEnabled) fail(422, 'INVALID_REQUEST_UNKNOWN', 'Local server: the webhook is disabled')
      hook.expiresAt = now() + WEEK_MS
      return { expirationTime: iso(hook.expiresAt) }
    },
    enableNotifications(id: string, raw: unknown): void {
      find(id).areNotificationsEnabled = check(notificationsRequest, raw).enable
    },
    listPayloads(id: string, raw: unknown) {
      const hook = find(id)
      const { cursor, limit } = check(payloadsQuery, raw)
      const oldest = hook.payloads[0]?.cursor ?? hook.cursorForNextPayload
      if (settings.lostCursor === 'refuse' && cursor < oldest) {
        fail(422, 'INVALID_REQUEST_UNKNOWN', `Local server: payloads before ${oldest} are gone`)
      }
      if (hook.isHookEnabled) hook.expiresAt = now() + WEEK_MS
      const ready = hook.payloads.filter((kept) => kept.cursor >= cursor)
      const page = ready.slice(0, limit)
      const next = (page.at(-1)?.cursor ?? cursor - 1) + 1
      const payloads = page.map(({ payload }) => payload)
      return { payloads, cursor: next, mightHaveMore: ready.length > page.length }
    },
  }
}

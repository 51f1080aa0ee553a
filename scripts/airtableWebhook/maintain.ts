import type { Webhook } from '../../lib/core-services/airtable/webhooksApi'
import { type Context, listBases } from './context'
import { usageInvalid } from './usage'

interface Listed extends Webhook {
  baseId: string
}

async function listAll(context: Context): Promise<Listed[]> {
  const lists = listBases(context).map(async (baseId) =>
    (await context.api.list(baseId)).map((webhook) => ({ ...webhook, baseId })),
  )
  return (await Promise.all(lists)).flat()
}

export async function list(context: Context): Promise<void> {
  const webhooks = await listAll(context)
  if (webhooks.length === 0) context.print('There are no webhooks.')
  for (const { id, baseId, scope, notificationUrl } of webhooks)
    context.print(`${id}  ${baseId}  ${scope ?? 'the whole base'}  ${notificationUrl ?? 'without a URL'}`)
}

export async function status(context: Context): Promise<boolean> {
  const webhooks = await listAll(context)
  if (webhooks.length === 0) context.print('There are no webhooks.')
  for (const webhook of webhooks) context.print(statusText(context, webhook))
  const missing = [...context.secrets.keys()].filter((id) => webhooks.every((webhook) => webhook.id !== id))
  for (const id of missing)
    context.print(
      `${id}  is in AIRTABLE_WEBHOOK_SECRETS, but there is no such webhook: create one, and replace it`,
    )
  const ours = webhooks.filter(({ id }) => context.secrets.has(id))
  return missing.length === 0 && ours.every((webhook) => isAlive(webhook, context.now()) && isHeard(webhook))
}

const isAlive = ({ isHookEnabled, expirationTime }: Webhook, now: number): boolean =>
  isHookEnabled && !(expirationTime !== null && Date.parse(expirationTime) <= now)

const isHeard = ({ areNotificationsEnabled, lastNotification }: Webhook): boolean =>
  areNotificationsEnabled && lastNotification?.success !== false

function statusText({ secrets, now }: Context, webhook: Listed): string {
  const { id, baseId, scope, notificationUrl, cursorForNextPayload, lastNotification } = webhook
  const rows = [
    ['watches', `${scope ?? 'everything'} in base ${baseId}`],
    ['life', lifeText(webhook, now())],
    [
      'pings',
      `${webhook.areNotificationsEnabled ? 'on' : 'off: the cron switches them on again'}, to ${notificationUrl ?? 'no URL'}`,
    ],
    ['last ping', pingText(lastNotification)],
    ['next change', `number ${cursorForNextPayload}`],
    [
      'secret',
      secrets.has(id)
        ? 'in AIRTABLE_WEBHOOK_SECRETS'
        : 'not in AIRTABLE_WEBHOOK_SECRETS: its pings are rejected here',
    ],
  ]
  return [id, ...rows.map(([name = '', text = '']) => `  ${name.padEnd(11)}  ${text}`)].join('\n')
}

function lifeText(webhook: Webhook, now: number): string {
  const { expirationTime } = webhook
  if (!isAlive(webhook, now)) return 'dead: create another one and replace its secret'
  if (expirationTime === null) return 'without end'
  return `until ${expirationTime}, ${((Date.parse(expirationTime) - now) / 86_400_000).toFixed(1)} days from now`
}

function pingText(last: Webhook['lastNotification']): string {
  if (last === null) return 'none yet'
  if (last.success) return 'was answered'
  return `failed: ${last.message ?? 'no reason given'}; ${last.willBeRetried ? 'it will be tried again' : 'given up'}`
}

/** The named webhook, else those whose secret is in the environment. */
export async function refresh(context: Context, id: string | undefined): Promise<void> {
  const webhooks = await listAll(context)
  const wanted = webhooks.filter((webhook) =>
    id === undefined ? context.secrets.has(webhook.id) : webhook.id === id,
  )
  if (wanted.length === 0) throw id === undefined ? noneOfOurs() : unknownWebhook(context, id)
  for (const webhook of wanted) {
    const until = await context.api.refresh(webhook.baseId, webhook.id)
    context.print(`${webhook.id} lives until ${until ?? 'it is deleted'}.`)
  }
}

export async function remove(context: Context, id: string | undefined): Promise<void> {
  if (id === undefined)
    throw usageInvalid('delete needs the id of the webhook', 'See npm run airtable:webhook -- list.')
  const webhook = (await listAll(context)).find((listed) => listed.id === id)
  if (!webhook) throw unknownWebhook(context, id)
  await context.api.delete(webhook.baseId, id)
  const known = context.secrets.has(id) ? ' Take it out of AIRTABLE_WEBHOOK_SECRETS as well.' : ''
  context.print(`${id} is deleted.${known}`)
}

const unknownWebhook = (context: Context, id: string) =>
  usageInvalid(
    `There is no webhook ${id} in ${listBases(context)
      .map((base) => `base ${base}`)
      .join(' or ')}`,
    'See npm run airtable:webhook -- list.',
  )

const noneOfOurs = () =>
  usageInvalid(
    'There is no webhook whose secret is in AIRTABLE_WEBHOOK_SECRETS',
    'Make one with npm run airtable:webhook -- create, or name one.',
  )

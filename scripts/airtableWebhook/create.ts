import type { AirtableTable } from '../../lib/core-services/airtable/airtableConfig'
import type { CreatedWebhook, WebhookFilters } from '../../lib/core-services/airtable/webhooksApi'
import { hasCode } from '../../lib/shared/errors'
import type { Context } from './context'
import { usageInvalid } from './usage'

const PATH = '/api/webhooks/airtable'

/** Prints what was created even if a later webhook fails, because Airtable shows its secret only once. */
export async function create(
  context: Context,
  { url, tables }: { url: string | undefined; tables: readonly string[] },
): Promise<void> {
  const notificationUrl = assertUrl(url, context.standIn)
  const wanted = wantedTables(context.tables, tables)
  for (const table of wanted) await assertNoneYet(context, table, notificationUrl)
  const made: CreatedWebhook[] = []
  try {
    for (const table of wanted) {
      const webhook = await createOne(context, table, notificationUrl)
      made.push(webhook)
      context.print(`${webhook.id} watches table ${table.tableId} of base ${table.baseId}.`)
    }
  } finally {
    if (made.length > 0) context.print(secretsText(made, context.secrets.size))
  }
}

function assertUrl(given: string | undefined, standIn: boolean): string {
  const example = `--url https://app.example${PATH}`
  if (given === undefined)
    throw usageInvalid('--url is missing: the address to which Airtable posts pings', `Give ${example}.`)
  if (!URL.canParse(given)) throw usageInvalid(`--url is no URL: ${given}`, `Give ${example}.`)
  const { protocol, username, password, pathname } = new URL(given)
  if (protocol !== 'https:' && !(standIn && protocol === 'http:'))
    throw usageInvalid('--url does not start with https://, which Airtable requires', `Give ${example}.`)
  if (username !== '' || password !== '')
    throw usageInvalid('--url holds a user or a password', 'Leave them out: pings are verified by their MAC.')
  if (pathname === '/') throw usageInvalid('--url is the address of the site alone', `Give ${example}.`)
  return given
}

/** The tables that fields read, or the named ones of them. */
function wantedTables(known: readonly AirtableTable[], named: readonly string[]): readonly AirtableTable[] {
  const isId = (table: string) => /^tbl\w+$/.test(table)
  const name = [...named, ...known.map(({ tableId }) => tableId)].find((table) => !isId(table))
  if (name !== undefined) {
    throw usageInvalid(
      `"${name}" is not the id of a table: Airtable takes ids only here`,
      'Give its id, tbl… in the URL of the table: with --table, or in the environment if it is set there.',
    )
  }
  if (known.length === 0) throw usageInvalid('No configured field reads a table of Airtable')
  const unread = named.find((table) => !known.some(({ tableId }) => tableId === table))
  if (unread !== undefined) {
    const read = known.map(({ tableId }) => tableId).join(', ')
    throw usageInvalid(`No configured field reads table ${unread}`, `Give one that fields read: ${read}.`)
  }
  return named.length === 0 ? known : known.filter(({ tableId }) => named.includes(tableId))
}

async function assertNoneYet(
  { api }: Context,
  { baseId, tableId }: AirtableTable,
  url: string,
): Promise<void> {
  const same = (await api.list(baseId)).find(
    (webhook) => webhook.isHookEnabled && webhook.scope === tableId && webhook.notificationUrl === url,
  )
  if (same) {
    throw usageInvalid(
      `Table ${tableId} of base ${baseId} has a webhook with this URL already: ${same.id}`,
      `If its secret is lost, delete it first: npm run airtable:webhook -- delete ${same.id}`,
    )
  }
}

async function createOne(
  { api, print }: Context,
  { baseId, tableId }: AirtableTable,
  notificationUrl: string,
): Promise<CreatedWebhook> {
  const make = (dataTypes: WebhookFilters['dataTypes']) =>
    api.create(baseId, { notificationUrl, filters: { dataTypes, recordChangeScope: tableId } })
  try {
    return await make(['tableData', 'tableFields'])
  } catch (error) {
    if (!hasCode(error, 'AIRTABLE_FORBIDDEN')) throw error
    // The scope schema.bases:read is missing. If anything else is missing, the next request is refused as well.
    const webhook = await make(['tableData'])
    print('It does not announce renamed or deleted columns: the token has no scope schema.bases:read.')
    return webhook
  }
}

function secretsText(made: readonly CreatedWebhook[], present: number): string {
  const pairs = made.map(({ id, macSecretBase64 }) => `${id}:${macSecretBase64}`).join(',')
  const where =
    present === 0
      ? 'Put this into the environment of the app'
      : 'Add this to AIRTABLE_WEBHOOK_SECRETS in the environment of the app, with a comma between, or replace the secret of a dead webhook'
  return `\n${where}. Airtable shows it only once:\n\nAIRTABLE_WEBHOOK_SECRETS=${pairs}\n`
}

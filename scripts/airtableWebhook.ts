/** `npm run airtable:webhook` makes and maintains the webhooks of this app; `--help` shows how. */
import { parseArgs } from 'node:util'
import { airtableConfig, webhookSecrets } from '../lib/core-services/airtable/airtableConfig'
import { isAirtableField } from '../lib/core-services/airtable/airtableField'
import { AirtableService } from '../lib/core-services/airtable/airtableService'
import { createWebhooksApi } from '../lib/core-services/airtable/webhooksApi'
import { fields } from '../lib/core-services/cache/fieldCacheConfigs'
import { getErrorMessage, isCodedError } from '../lib/shared/errors'
import { loadEnv } from '../local/env'
import type { Context } from './airtableWebhook/context'
import { runCommand } from './airtableWebhook/run'
import { HELP } from './airtableWebhook/usage'

async function createContext(): Promise<Context> {
  const airtable = new AirtableService()
  await airtable.initialize()
  const located = fields.filter(isAirtableField).map(({ airtable: { table } }) => table.locate())
  const tables = new Map(located.map((table) => [`${table.baseId}/${table.tableId}`, table]))
  return {
    api: createWebhooksApi(airtable),
    tables: [...tables.values()],
    secrets: webhookSecrets(),
    standIn: airtableConfig().endpointUrl !== undefined,
    now: () => Date.now(),
    print: (text) => console.log(text),
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      url: { type: 'string' },
      table: { type: 'string', multiple: true },
    },
  })
  if (values.help || positionals.length === 0) {
    console.log(HELP)
    return values.help ? 0 : 1
  }
  loadEnv(process.cwd(), process.env.NODE_ENV !== 'production')
  return runCommand(positionals, { url: values.url, tables: values.table ?? [] }, createContext)
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    const hint = isCodedError(error) && error.hint ? `\n  ${error.hint}` : ''
    console.error(`${getErrorMessage(error)}${hint}`)
    process.exitCode = 1
  },
)

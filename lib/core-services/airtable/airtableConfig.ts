import { z } from 'zod'
import { type Env, httpUrl, optionalText, parseEnv, text, wholeNumber } from '../../shared/env'
import { configInvalid } from '../../shared/errors'

export interface AirtableConfig {
  apiKey: string
  /** @default https://api.airtable.com */
  endpointUrl: string | undefined
  /**
   * Deadline of one page of records, in ms.
   * @default 10000
   */
  pageTimeoutMs: number
}

export function airtableConfig(env: Env = process.env): AirtableConfig {
  const values = parseEnv(
    z.object({
      AIRTABLE_API_KEY: text(
        'AIRTABLE_API_KEY',
        'make a personal access token with the scope data.records:read',
      ),
      AIRTABLE_ENDPOINT_URL: optionalText.pipe(httpUrl('AIRTABLE_ENDPOINT_URL').optional()),
      AIRTABLE_PAGE_TIMEOUT_MS: wholeNumber('AIRTABLE_PAGE_TIMEOUT_MS', 'milliseconds', 10_000, 120_000, 100),
    }),
    env,
  )
  return {
    apiKey: values.AIRTABLE_API_KEY,
    endpointUrl: values.AIRTABLE_ENDPOINT_URL,
    pageTimeoutMs: values.AIRTABLE_PAGE_TIMEOUT_MS,
  }
}

export interface AirtableTable {
  baseId: string
  tableId: string
}

export function peopleTable(env: Env = process.env): AirtableTable {
  const { AIRTABLE_RRHH_BASE_ID: baseId, AIRTABLE_RRHH_PEOPLE_TABLE_ID: tableId } = parseEnv(
    z.object({
      AIRTABLE_RRHH_BASE_ID: text('AIRTABLE_RRHH_BASE_ID', "the base's id, app… in the URL of the base"),
      AIRTABLE_RRHH_PEOPLE_TABLE_ID: text(
        'AIRTABLE_RRHH_PEOPLE_TABLE_ID',
        "the people table's id, tbl… in its URL",
      ),
    }),
    env,
  )
  return { baseId, tableId }
}

/** The secrets that sign pings, by the id of the webhook (ach…). */
export type WebhookSecrets = ReadonlyMap<string, Buffer>

const WEBHOOK_ID = /^ach\w{1,40}$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
/** Airtable's own secrets have 32 bytes. */
const MIN_SECRET_BYTES = 8

/** Skips invalid entries. */
export function webhookSecrets(env: Env = process.env): WebhookSecrets {
  return readWebhookSecrets(env).secrets
}

/** Throws CONFIG_INVALID, which names invalid entries by position and shows no secret. */
export function assertWebhookSecrets(env: Env = process.env): void {
  const { problems } = readWebhookSecrets(env)
  if (problems.length > 0) throw configInvalid(problems)
}

function readWebhookSecrets(env: Env): { secrets: WebhookSecrets; problems: string[] } {
  const given = env.AIRTABLE_WEBHOOK_SECRETS ?? ''
  const secrets = new Map<string, Buffer>()
  const problems: string[] = []
  const entries = given.trim() === '' ? [] : given.split(',').map((entry) => entry.trim())
  for (const [index, entry] of entries.entries()) {
    const [, id = '', secret = ''] = /^([^:]*):(.*)$/.exec(entry) ?? []
    const problem = secrets.has(id) ? 'names the same webhook as an earlier entry' : entryProblem(id, secret)
    if (problem === undefined) secrets.set(id, Buffer.from(secret, 'base64'))
    else problems.push(`AIRTABLE_WEBHOOK_SECRETS: entry ${index + 1} of ${entries.length} ${problem}`)
  }
  return { secrets, problems }
}

function entryProblem(id: string, secret: string): string | undefined {
  if (!WEBHOOK_ID.test(id)) return 'is not ach…:secret, as npm run airtable:webhook -- create prints it'
  if (!BASE64.test(secret)) return 'has a secret that is not base64: copy it again'
  if (Buffer.byteLength(secret, 'base64') < MIN_SECRET_BYTES)
    return `has a secret of fewer than ${MIN_SECRET_BYTES} bytes: copy it again`
  return undefined
}

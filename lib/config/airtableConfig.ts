/** How Airtable is reached, and which of its tables the fields read. */
import { z } from 'zod'
import { type Env, httpUrl, optionalText, parseEnv, text, wholeNumber } from './env'

export interface AirtableConfig {
  apiKey: string
  /** Undefined for Airtable itself. */
  endpointUrl: string | undefined
  /** Deadline of one page of records, in ms. */
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
      AIRTABLE_PAGE_TIMEOUT_MS: wholeNumber('AIRTABLE_PAGE_TIMEOUT_MS', 'milliseconds', 10_000, 120_000),
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

/** The people of the company: where the sales agents come from. */
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

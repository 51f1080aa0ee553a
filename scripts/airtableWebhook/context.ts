import type { AirtableTable, WebhookSecrets } from '../../lib/core-services/airtable/airtableConfig'
import type { WebhooksApi } from '../../lib/core-services/airtable/webhooksApi'

export interface Context {
  api: WebhooksApi
  /** Tables that configured fields read, each once. */
  tables: readonly AirtableTable[]
  secrets: WebhookSecrets
  /** Whether another server than Airtable is configured. It may take http:// for its pings. */
  standIn: boolean
  /** In ms since 1970. */
  now(): number
  print(text: string): void
}

export const listBases = ({ tables }: Context): string[] => [...new Set(tables.map(({ baseId }) => baseId))]

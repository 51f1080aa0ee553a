import type { AirtableTable, WebhookSecrets } from '../../lib/core-services/airtable/airtableConfig'
import type { WebhooksApi } from '../../lib/core-services/airtable/webhooksApi'

/** What the commands work with. */
export interface Context {
  api: WebhooksApi
  /** Those that configured fields read, each once. */
  tables: readonly AirtableTable[]
  secrets: WebhookSecrets
  /** Whether something else than Airtable itself is asked, which may take http:// for its pings. */
  standIn: boolean
  /** In ms since 1970. */
  now(): number
  print(text: string): void
}

export const listBases = ({ tables }: Context): string[] => [...new Set(tables.map(({ baseId }) => baseId))]

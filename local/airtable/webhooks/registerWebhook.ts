import type { AirtableServer } from '../server'

/** Where the app takes pings. */
export const WEBHOOK_PATH = '/api/webhooks/airtable'

/**
 * Has a server ping the app at each change of a table, as soon as `release` is called: a ping that finds nobody would be
 * sent again 10 s later, and those after it with it. `secrets` is what AIRTABLE_WEBHOOK_SECRETS takes.
 */
export async function registerWebhook(
  server: AirtableServer,
  tableId: string,
  appUrl: string,
): Promise<{ secrets: string; release(): void }> {
  server.controls.set({ holdPings: true })
  const response = await fetch(`${server.url}/v0/bases/${server.baseId}/webhooks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      notificationUrl: appUrl + WEBHOOK_PATH,
      specification: {
        options: { filters: { dataTypes: ['tableData', 'tableFields'], recordChangeScope: tableId } },
      },
    }),
  })
  const { id, macSecretBase64 } = (await response.json()) as { id: string; macSecretBase64: string }
  return { secrets: `${id}:${macSecretBase64}`, release: () => server.controls.set({ holdPings: false }) }
}

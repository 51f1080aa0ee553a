import type { AirtableServer } from '../server'

export const WEBHOOK_PATH = '/api/webhooks/airtable'

/**
 * Pings the app at each change of a table, after `release` was called. A ping before the app answers would be retried 10
 * s later and delay those after it. `secrets`: the value for AIRTABLE_WEBHOOK_SECRETS.
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

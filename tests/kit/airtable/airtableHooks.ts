import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import type { AirtableServer } from '@/local/airtable/server'
import { closeServer, HOST, listenOnLoopback } from '@/local/loopback'
import { fivePeople } from './fivePeople'
import { askAirtable } from './testAirtable'

/** A ping as it came in, not yet answered. */
export interface ReceivedPing {
  readonly body: string
  readonly mac: string
  answer(status: number): void
}

/** A server that keeps every ping, and answers it with `status`, or not at all while that is undefined. */
export async function startPingReceiver() {
  const pings: ReceivedPing[] = []
  const state: { status: number | undefined } = { status: 204 }
  const server = createServer(async (request, response) => {
    const answer = (status: number): void => void response.writeHead(status).end()
    const mac = String(request.headers['x-airtable-content-mac'])
    pings.push({ body: await text(request), mac, answer })
    if (state.status !== undefined) answer(state.status)
  })
  const port = await listenOnLoopback(server, 0)
  const url = `http://${HOST}:${port}/api/webhooks/airtable`
  return Object.assign(state, { url, pings, close: () => closeServer(server) })
}

/** The part of a payload that tests look at. */
export interface ListedPayload {
  readonly timestamp: string
  readonly baseTransactionNumber: number
  readonly changedTablesById?: Record<string, Record<string, unknown>>
  readonly [key: string]: unknown
}

/** Asks the webhooks API of a server as a plain HTTP client; `path` begins after `webhooks`. */
export function askHooks(
  server: AirtableServer,
  path = '',
  { method = 'GET', body }: { method?: string; body?: unknown } = {},
) {
  const init = {
    method,
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
  return fetch(`${server.url}/v0/bases/${server.baseId}/webhooks${path}`, init)
}

/** Creates a webhook, by default of all records of the base, and returns what the server tells of it. */
export async function createHook(
  server: AirtableServer,
  options: { notificationUrl?: string; filters?: object; includes?: object } = {},
) {
  const { notificationUrl, filters, includes } = options
  const body = {
    notificationUrl,
    specification: { options: { filters: { dataTypes: ['tableData'], ...filters }, includes } },
  }
  const response = await askHooks(server, '', { method: 'POST', body })
  return (await response.json()) as { id: string; macSecretBase64: string; expirationTime: string }
}

/** A page of payloads. */
export async function listPayloads(server: AirtableServer, id: string, query = '') {
  const response = await askHooks(server, `/${id}/payloads?${query}`)
  return (await response.json()) as { payloads: ListedPayload[]; cursor: number; mightHaveMore: boolean }
}

/** What is listed of the webhooks of the base. */
export async function listHooks(server: AirtableServer) {
  const { webhooks } = (await (await askHooks(server)).json()) as { webhooks: Record<string, unknown>[] }
  return webhooks
}

/** The ids of the fields of the five people's table, by their names. */
export async function fieldIds(server: AirtableServer): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${server.apiKey}` }
  const response = await fetch(`${server.url}/v0/meta/bases/${server.baseId}/tables`, { headers })
  const { tables } = (await response.json()) as {
    tables: { id: string; fields: { id: string; name: string }[] }[]
  }
  const fields = tables.find(({ id }) => id === fivePeople.id)?.fields ?? []
  return Object.fromEntries(fields.map(({ id, name }) => [name, id]))
}

/** Changes cells of one of the five people, counted from 1. */
export async function edit(
  server: AirtableServer,
  person: number,
  fields: Record<string, unknown>,
): Promise<void> {
  const id = `rec${String(person).padStart(14, '0')}`
  const { status } = await askAirtable(server, `People/${id}`, { method: 'PATCH', body: { fields } })
  if (status !== 200) throw new Error(`the edit was answered ${status}`)
}

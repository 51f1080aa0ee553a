/** The vendor's package is the measure: what it would ask for and get, our client asks for and gets. */
import Airtable from 'airtable'
import { http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AirtableServer } from '@/local/airtable/server'
import { airtableClient } from '@/tests/kit/airtable/airtableClient'
import { startTestAirtable, TEST_AIRTABLE } from '@/tests/kit/airtable/testAirtable'

const { apiKey, baseId, tableId, tableName, view, viewId } = TEST_AIRTABLE
const NAME_ID = 'fld08b927b36122c7'

/** Sees the requests of both on their way to the server. */
const wiretap = setupServer()
beforeAll(() => wiretap.listen({ onUnhandledRequest: 'bypass' }))
afterAll(() => wiretap.close())

let server: AirtableServer
let asked: { method: string; path: string; query: string[]; body: Record<string, unknown> }[]

beforeEach(async () => {
  let now = 0
  server = await startTestAirtable({
    clock: () => {
      now += 1_000
      return now
    },
  })
  asked = []
  wiretap.use(
    http.all(`${server.url}/*`, async ({ request }) => {
      const { pathname, searchParams } = new URL(request.url)
      const query = [...searchParams].map((pair) => pair.join('=')).sort()
      const body = request.method === 'POST' ? Object(await request.clone().json()) : {}
      asked.push({ method: request.method, path: pathname, query, body })
    }),
  )
})
afterEach(async () => {
  wiretap.resetHandlers()
  await server.close()
})

it.each([
  ['a view and a column by name', tableName, { view, fields: ['Nombre'] }, {}],
  ['everything by id', tableId, { view: viewId, fields: [NAME_ID] }, { returnFieldsByFieldId: true }],
  ['a table without a view', tableId, { fields: ['Nombre', 'Cargo'] }, {}],
  ['an address that is too long', tableId, { view, fields: Array(900).fill('Nombre') }, {}],
])('asks like the vendor and gets the same: %s', async (_, table, options, extra) => {
  const client = await airtableClient({ url: server.url, apiKey })
  const ours = await client.fetchRecords(baseId, table, options)
  const ourRequests = asked.splice(0)
  const base = new Airtable({ apiKey, endpointUrl: server.url }).base(baseId)
  const theirs = await base(table)
    .select({ pageSize: 100, ...options, ...extra })
    .all()
  expect(ours.map(({ id, fields }) => [id, fields])).toEqual(theirs.map(({ id, fields }) => [id, fields]))
  expect(ours.length).toBeGreaterThan(200)
  // Each has a list of its own, and the vendor's package sends an option of its own along.
  const comparable = (request: unknown) =>
    JSON.parse(
      JSON.stringify(request)
        .replace(/itr\w{14}/, 'itr')
        .replace('"method":"post",', ''),
    )
  expect(ourRequests.map(comparable)).toEqual(asked.map(comparable))
})

/** The local Airtable server without HTTP, without its rate limit, and with pings that the world carries. */
import type { AirtableService } from '@/lib/core-services/airtable/airtableService'
import { errorFromResponse } from '@/lib/core-services/airtable/client/errorResponses'
import type { AirtableRequest } from '@/lib/core-services/airtable/client/sendRequest'
import { pageRequest } from '@/lib/core-services/airtable/records/page'
import { readPages } from '@/lib/core-services/airtable/records/readPages'
import { createApi } from '@/local/airtable/api'
import { type Action, DEFAULT_SETTINGS, type Settings } from '@/local/airtable/controls'
import { createStore } from '@/local/airtable/tables/store'
import { createTable, type TableData } from '@/local/airtable/tables/table'
import { createHooks } from '@/local/airtable/webhooks/hooks'

export const API_KEY = 'patSimulated'
export const BASE = 'appSimulated'
/** What all wall clocks count from, in ms since 1970. */
export const EPOCH = Date.UTC(2026, 0, 1)

export type AirtableClient = Pick<AirtableService, 'call' | 'fetchRecords' | 'readPart'>

export type SimAirtable = ReturnType<typeof createSimAirtable>

/** `announce` is told of each ping that Airtable would send. */
export function createSimAirtable(
  data: readonly TableData[],
  clock: () => number,
  announce: (webhook: string) => void,
) {
  const settings: Settings = { ...DEFAULT_SETTINGS }
  const now = () => EPOCH + clock()
  const tables = data.map((table) => createTable(table))
  const pings = {
    announce: ({ id }: { id: string }) => announce(id),
    release: () => undefined,
    close: () => undefined,
  }
  const hooks = createHooks(tables, settings, now, pings)
  const store = createStore(clock, settings, hooks.changed)
  // Its rate limit and its offsets go by this: no two requests are within a second, and no list is forgotten.
  let requests = 0
  const perform = createApi({ baseId: BASE, apiKey: API_KEY, tables, store, hooks }, () => {
    requests += 1
    return requests * 1_000
  })

  function ask<T>({ method, path, body, target, read }: AirtableRequest<T>): T {
    const answer = perform({
      method,
      url: new URL(path, 'http://airtable.sim'),
      authorization: `Bearer ${API_KEY}`,
      body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
    })
    const text = JSON.stringify(answer.body ?? null)
    if (answer.status !== 200)
      throw errorFromResponse({ status: answer.status, retryAfter: undefined, text }, target)
    return read(text)
  }

  return {
    settings,
    tables,
    hooks,
    store,
    act: (action: Action) => hooks.act(action),
    ask,
    /** The client over a connection of its own; `carry` takes a request there and its answer back. */
    client(carry: <T>(work: () => T) => Promise<T>): AirtableClient {
      const call: AirtableService['call'] = async (request, { signal } = {}) => {
        signal?.throwIfAborted()
        const value = await carry(() => ask(request))
        signal?.throwIfAborted()
        return value
      }
      return {
        call,
        async fetchRecords(baseId, tableId, { view, fields, ids, signal }) {
          if (ids?.length === 0) return []
          const target = { baseId, tableId, view, fields, ids }
          return (await readPages((offset) => call(pageRequest(target, offset), { signal }), target)).records
        },
        readPart(baseId, tableId, { view, fields, signal }, part) {
          const target = { baseId, tableId, view, fields }
          return readPages((offset) => call(pageRequest(target, offset), { signal }), target, part)
        },
      }
    },
  }
}

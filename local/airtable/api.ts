import { unescape as decode } from 'node:querystring'
import { answer, fail, notFound, rateLimited, refuse, unauthenticated } from './errors'
import { createOffsets } from './offsets'
import { readQuery } from './parameters'
import { type Clock, createRateLimit } from './rateLimit'
import { deleteRecords, getRecord, listRecords, writeRecords } from './records'
import type { createStore } from './tables/store'
import { describeTable, find, type Table } from './tables/table'
import type { createHooks } from './webhooks/hooks'

const MAX_BODY_BYTES = 1_048_576
const MODEL_NOT_FOUND =
  'Invalid permissions, or the requested model was not found. Check that both your user and your token have the ' +
  'required permissions, and that the model names and/or ids are correct.'

export type ApiRequest = { method: string; url: URL; authorization: string | undefined; body: Buffer }

const ROUTES = [
  ['listWebhooks', /^GET \/v0\/bases\/([^/]+)\/webhooks$/],
  ['createWebhook', /^POST \/v0\/bases\/([^/]+)\/webhooks$/],
  ['deleteWebhook', /^DELETE \/v0\/bases\/([^/]+)\/webhooks\/([^/]+)$/],
  ['refreshWebhook', /^POST \/v0\/bases\/([^/]+)\/webhooks\/([^/]+)\/refresh$/],
  ['enableNotifications', /^POST \/v0\/bases\/([^/]+)\/webhooks\/([^/]+)\/enableNotifications$/],
  ['listPayloads', /^GET \/v0\/bases\/([^/]+)\/webhooks\/([^/]+)\/payloads$/],
  ['schema', /^GET \/v0\/meta\/bases\/([^/]+)\/tables$/],
  ['listRecords', /^POST \/v0\/([^/]+)\/([^/]+)\/listRecords$/],
  ['list', /^GET \/v0\/([^/]+)\/([^/]+)\/?$/],
  ['get', /^GET \/v0\/([^/]+)\/([^/]+)\/([^/]+)$/],
  ['create', /^POST \/v0\/([^/]+)\/([^/]+)\/?$/],
  ['update', /^(?:PATCH|PUT) \/v0\/([^/]+)\/([^/]+)(?:\/([^/]*))?$/],
  ['delete', /^DELETE \/v0\/([^/]+)\/([^/]+)(?:\/([^/]*))?$/],
] as const

/** `owner`: the table or the webhook, which need not exist. `recordId`: empty for a whole table. */
export function matchRoute({ method, url }: Pick<ApiRequest, 'method' | 'url'>) {
  for (const [kind, pattern] of ROUTES) {
    const found = pattern.exec(`${method} ${url.pathname}`)?.map((part = '') => decode(part))
    if (found) return { kind, baseId: found[1], owner: found[2] ?? '', recordId: found[3] ?? '' }
  }
  return undefined
}

function parseBody(body: Buffer): object {
  try {
    // A value that is not an object counts as an empty one.
    return Object(JSON.parse(body.toString()))
  } catch {
    return fail(400, 'INVALID_REQUEST_UNKNOWN', 'Could not parse request body')
  }
}

export interface BaseContents {
  readonly baseId: string
  readonly apiKey: string
  readonly tables: readonly Table[]
  readonly store: ReturnType<typeof createStore>
  readonly hooks: ReturnType<typeof createHooks>
}

/** A request that is refused before the rate limit does not count towards it. */
export function createApi({ baseId, apiKey, tables, store, hooks }: BaseContents, clock: Clock) {
  const offsets = createOffsets(clock)
  const admitRequest = createRateLimit(clock)
  const modelNotFound = () => fail(403, 'INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND', MODEL_NOT_FOUND)

  return (request: ApiRequest) =>
    answer(() => {
      if (request.body.length > MAX_BODY_BYTES) fail(413, 'REQUEST_TOO_LARGE', 'Request body is too large')
      if (/^bearer (.*)$/i.exec(request.authorization ?? '')?.[1] !== apiKey) refuse(unauthenticated)
      const { kind, owner, recordId, ...route } = matchRoute(request) ?? refuse(notFound)
      if (route.baseId !== baseId) modelNotFound()
      if (!admitRequest()) refuse(rateLimited)
      const query = readQuery(request.url.searchParams)
      if (kind === 'schema') return { tables: tables.map(describeTable) }
      if (kind === 'listWebhooks') return hooks.list()
      if (kind === 'createWebhook') return hooks.create(parseBody(request.body))
      if (kind === 'deleteWebhook') return hooks.remove(owner)
      if (kind === 'refreshWebhook') return hooks.refresh(owner)
      if (kind === 'enableNotifications') return hooks.enableNotifications(owner, parseBody(request.body))
      if (kind === 'listPayloads') return hooks.listPayloads(owner, query)

      const table = find(tables, owner) ?? modelNotFound()
      if (kind === 'list') return listRecords(store.snapshot(table), query, offsets)
      if (kind === 'get') return getRecord(store.snapshot(table), recordId, query)
      if (kind === 'delete') return deleteRecords(table, recordId, query.records, store.commit)
      const body = parseBody(request.body)
      if (kind === 'listRecords') return listRecords(store.snapshot(table), { ...query, ...body }, offsets)
      return writeRecords(table, request.method, recordId, body, store.commit)
    })
}

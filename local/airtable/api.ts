import { isAuthorized } from './auth'
import { malformedBody, modelNotFound, notFound, rateLimited, unauthenticated } from './errors'
import { createIterators, type Iterators } from './iterators'
import { readQuery } from './listParameters'
import { listRecords } from './listRecords'
import { type Clock, createRateLimit } from './rateLimit'
import { getRecord, updateRecord } from './records'
import { createTable, findTable, type Table } from './store'
import type { Answer, ApiRequest, RequestKind, TableData } from './types'

/** A function from request to answer; anything that delays or distorts answers wraps one. */
export type Handler = (request: ApiRequest) => Promise<Answer>

export interface ApiOptions {
  readonly baseId: string
  readonly apiKey: string
  readonly tables: readonly TableData[]
  readonly clock: Clock
}

interface Route {
  readonly kind: RequestKind
  readonly baseId: string
  readonly tableIdOrName: string
  readonly recordId: string
}

/** Reads method and path only: says what is asked for, not whether it exists. */
export function matchRoute({ method, path }: Pick<ApiRequest, 'method' | 'path'>): Route | undefined {
  const [version, baseId, tableIdOrName, recordId, ...rest] = path
  if (version !== 'v0' || baseId === undefined || tableIdOrName === undefined || rest.length > 0)
    return undefined
  const route = (kind: RequestKind): Route => ({ kind, baseId, tableIdOrName, recordId: recordId ?? '' })
  if (recordId === undefined) return method === 'GET' ? route('list') : undefined
  if (method === 'POST' && recordId === 'listRecords') return route('listRecords')
  if (method === 'GET') return route('get')
  return method === 'PATCH' ? route('update') : undefined
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function perform(route: Route, table: Table, request: ApiRequest, iterators: Iterators): Answer {
  if (route.kind === 'list') return listRecords(table, readQuery(request.query), iterators)
  if (route.kind === 'get') return getRecord(table, route.recordId)
  const body = parseObject(request.body)
  if (body === undefined) return malformedBody()
  if (route.kind === 'update') return updateRecord(table, route.recordId, body)
  return listRecords(table, { ...readQuery(request.query), ...body }, iterators)
}

/**
 * The API without HTTP: key, then address, then rate limit, then the work. A request that is turned away before the
 * rate limit takes no place in it, as no base was asked.
 */
export function createApi({ baseId, apiKey, tables: data, clock }: ApiOptions): Handler {
  const tables = data.map(createTable)
  const iterators = createIterators()
  const takePlace = createRateLimit(clock)

  return async (request) => {
    if (!isAuthorized(request.authorization, apiKey)) return unauthenticated()
    const route = matchRoute(request)
    if (route === undefined) return notFound()
    if (route.baseId !== baseId) return modelNotFound()
    if (!takePlace()) return rateLimited()
    const table = findTable(tables, route.tableIdOrName)
    return table === undefined ? modelNotFound() : perform(route, table, request, iterators)
  }
}

import type { RequestKind } from './types'

/** What the server has done since it started or was reset. */
export interface AirtableCounters {
  /** API requests answered, refused ones included; `/__local/…` is not counted. */
  requests: number
  /** Requests answered 429. */
  refusals: number
  /** Bytes of response bodies sent. */
  bytesOut: number
  byKind: Record<RequestKind, number>
  byStatus: Record<string, number>
}

const zero = (): AirtableCounters => ({
  requests: 0,
  refusals: 0,
  bytesOut: 0,
  byKind: { list: 0, listRecords: 0, get: 0, update: 0, unknown: 0 },
  byStatus: {},
})

export const createCounters = zero

/** Sets every number back to zero in place, so that whoever holds the object sees it. */
export function resetCounters(counters: AirtableCounters): void {
  Object.assign(counters, zero())
}

/** Counts one answered API request. */
export function count(counters: AirtableCounters, kind: RequestKind, status: number, bytes: number): void {
  counters.requests += 1
  counters.bytesOut += bytes
  counters.byKind[kind] += 1
  counters.byStatus[status] = (counters.byStatus[status] ?? 0) + 1
  if (status === 429) counters.refusals += 1
}

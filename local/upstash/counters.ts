import type { Command } from './types'

/** What the server has done since it started or was reset; `/__local/…` is not counted. */
export interface UpstashCounters {
  /** HTTP requests answered, refused ones included. */
  requests: number
  /** Commands handed to the engine: each entry of a pipeline or transaction is one, a script is one. */
  commands: number
  /** Bytes of request bodies received. */
  bytesIn: number
  /** Bytes of response bodies sent. */
  bytesOut: number
  /** Requests answered with a 4xx status: no token, bad requests, failed single commands, too large. */
  refusals: number
  /** Commands by upper-case name. */
  byCommand: Record<string, number>
}

/** All zero. */
export function createCounters(): UpstashCounters {
  return { requests: 0, commands: 0, bytesIn: 0, bytesOut: 0, refusals: 0, byCommand: {} }
}

/** Sets every number back to zero in place, so that whoever holds the object sees it. */
export function resetCounters(counters: UpstashCounters): void {
  Object.assign(counters, createCounters())
}

export function countCommand(counters: UpstashCounters, [name]: Command): void {
  const key = name.toUpperCase()
  counters.commands += 1
  counters.byCommand[key] = (counters.byCommand[key] ?? 0) + 1
}

/** Counts one answered request. */
export function countExchange(
  counters: UpstashCounters,
  exchange: { readonly status: number; readonly bytesIn: number; readonly bytesOut: number },
): void {
  counters.requests += 1
  counters.bytesIn += exchange.bytesIn
  counters.bytesOut += exchange.bytesOut
  if (exchange.status >= 400 && exchange.status < 500) counters.refusals += 1
}

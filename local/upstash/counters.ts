import type { Command } from '../engine/connection'

/** The counters at the start and after a reset. */
export const zero = () => ({
  /** HTTP requests received, refused and failed ones included, without those to `/__local/…`. */
  requests: 0,
  /** Commands sent to the engine. Each entry of a pipeline or transaction is one, and a script is one. */
  commands: 0,
  /** Bytes of request bodies received. */
  bytesIn: 0,
  /** Bytes of response bodies sent. */
  bytesOut: 0,
  /** Requests answered with a 4xx status: no token, bad requests, failed single commands, too large. */
  refusals: 0,
  /** Commands by upper-case name. */
  byCommand: {} as Record<string, number>,
})

export type UpstashCounters = ReturnType<typeof zero>

export function countCommand(counters: UpstashCounters, [name]: Command): void {
  const key = name.toUpperCase()
  counters.commands += 1
  counters.byCommand[key] = (counters.byCommand[key] ?? 0) + 1
}

import type { Command } from '../engine/connection'

export const zero = () => ({
  /** Includes refused and failed requests, and excludes those to `/__local/…`. */
  requests: 0,
  /** Commands sent to the engine. Each entry of a pipeline or transaction is one, and a script is one. */
  commands: 0,
  bytesIn: 0,
  bytesOut: 0,
  /** Answered with a 4xx status: no token, bad requests, failed single commands, too large. */
  refusals: 0,
  byCommand: {} as Record<string, number>,
})

export type UpstashCounters = ReturnType<typeof zero>

export function countCommand(counters: UpstashCounters, [name]: Command): void {
  const key = name.toUpperCase()
  counters.commands += 1
  counters.byCommand[key] = (counters.byCommand[key] ?? 0) + 1
}

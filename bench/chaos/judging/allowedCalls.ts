/** Computes how many source calls the contract allows in a phase. docs/freshness.md has the limits. */
import { EVERY_FIELD, type Sample } from '../load'
import { LEASED_FIELD, LOADED_FIELDS } from '../names'
import type { Refresh } from '../output'
import type { Phase } from '../run'

/** How long a failing source is not called, in s, unless it asks for more. */
const COOL_DOWN_SECONDS = 5
const CALLS_PER_COOL_DOWN = 2
/** How many requests a fetch sends when it meets server errors. */
const TRIES = 3
/** How long the memory of a process answers without Redis after the value was last confirmed or fetched, in s. */
const OUTAGE_SECONDS = 30

/** `refreshes`: all fetches of the servers in the whole run. */
export function allowedCalls(
  phase: Phase,
  samples: readonly Sample[],
  servers: number,
  refreshes: readonly Refresh[],
): number {
  const during = samples.filter((sample) => overlap(sample, { sentAt: phase.from, doneAt: phase.to }))
  const perField = LOADED_FIELDS.map((field) => {
    const changes = during.filter(
      ({ operation, field: changed }) =>
        operation !== 'read' && (changed === field.name || changed === EVERY_FIELD),
    )
    return callsOfChanges(changes) * triesIn(phase) + callsOfReads(phase, field.ttl, servers)
  })
  // One for the killed server, one for the server that takes over.
  const leased = during.some(({ field }) => field === LEASED_FIELD.name) ? 2 : 0
  // The beginning of a fault may cost every field one fetch.
  const atBeginning = phase.fault === undefined ? 0 : LOADED_FIELDS.length * triesIn(phase)
  // Background fetches from the end of the previous phase, for which no request waits.
  const begunBefore = refreshes.filter(({ from, to }) => from < phase.from && to > phase.from).length
  const rest = leased + atBeginning + begunBefore * triesIn(phase)
  return Math.ceil(perField.reduce((sum, calls) => sum + calls, rest))
}

/** A refresh fetches once, and again for each concurrent change. Each change also wastes one running fetch. */
function callsOfChanges(changes: readonly Sample[]): number {
  return changes.reduce((sum, change) => {
    if (change.operation === 'invalidate') return sum + 2
    const others = changes.filter((other) => other !== change && overlap(other, change)).length
    return sum + 1 + others + 1
  }, 0)
}

const triesIn = ({ source }: Phase): number => (source === 'fails' ? TRIES : 1)

/** For the reads of one field that is not changed. */
function callsOfReads({ redis, source, from, endedAt, to }: Phase, ttl: number, servers: number): number {
  if (redis === 'fails') {
    // Once for each process, and once more when Redis is back.
    const calls =
      source === 'fails'
        ? CALLS_PER_COOL_DOWN * TRIES * maxStarts(COOL_DOWN_SECONDS, from, to)
        : maxStarts(Math.min(ttl, OUTAGE_SECONDS), from, to)
    return servers * (calls + 1)
  }
  if (source === 'works') return maxStarts(ttl, from, to)
  return (
    CALLS_PER_COOL_DOWN * TRIES * maxStarts(COOL_DOWN_SECONDS, from, endedAt) + maxStarts(ttl, endedAt, to)
  )
}

/** How often an event can begin that begins at most once in `seconds`. */
const maxStarts = (seconds: number, from: number, to: number): number =>
  Math.floor((to - from) / 1_000 / seconds) + 1

function overlap(one: Pick<Sample, 'sentAt' | 'doneAt'>, other: Pick<Sample, 'sentAt' | 'doneAt'>): boolean {
  return one.doneAt >= other.sentAt && one.sentAt <= other.doneAt
}

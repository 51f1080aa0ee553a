/** How often the contract allows the source to be called in a phase; see the budgets in docs/freshness.md. */
import { EVERY_FIELD, type Sample } from '../load'
import { LEASED_FIELD, LOADED_FIELDS } from '../names'
import type { Refresh } from '../output'
import type { Phase } from '../run'

/** How long a failing source is left alone, in s, unless it asks for more. */
const COOL_DOWN_SECONDS = 5
const CALLS_PER_COOL_DOWN = 2
/** A fetch that meets a server error asks again, so often in all. */
const TRIES = 3
/** How long memory answers without Redis since it was proved or fetched last, in s. */
const OUTAGE_SECONDS = 30

/** `refreshes`: what the servers asked of the source in the whole run. */
export function allowedCalls(
  phase: Phase,
  samples: readonly Sample[],
  servers: number,
  refreshes: readonly Refresh[],
): number {
  const during = samples.filter((sample) => overlap(sample, { sentAt: phase.from, doneAt: phase.to }))
  const perField = LOADED_FIELDS.map((field) => {
    const changes = during.filter(
      ({ operation, field: of }) => operation !== 'read' && (of === field.name || of === EVERY_FIELD),
    )
    return callsOfChanges(changes) * triesIn(phase) + callsOfReads(phase, field.ttl, servers)
  })
  // One for the server that is killed, one for who takes over.
  const leased = during.some(({ field }) => field === LEASED_FIELD.name) ? 2 : 0
  // What goes wrong all at once may cost every field one fetch.
  const surprise = phase.fault === undefined ? 0 : LOADED_FIELDS.length * triesIn(phase)
  // What waits for its turn in the background as the phase before ends is waited for by no request.
  const begunBefore = refreshes.filter(({ from, to }) => from < phase.from && to > phase.from).length
  const rest = leased + surprise + begunBefore * triesIn(phase)
  return Math.ceil(perField.reduce((sum, calls) => sum + calls, rest))
}

/** A refresh calls once, and again for each other change that gets in its way; all leave a fetch under way in vain. */
function callsOfChanges(changes: readonly Sample[]): number {
  return changes.reduce((sum, change) => {
    if (change.operation === 'invalidate') return sum + 2
    const others = changes.filter((other) => other !== change && overlap(other, change)).length
    return sum + 1 + others + 1
  }, 0)
}

const triesIn = ({ source }: Phase): number => (source === 'fails' ? TRIES : 1)

/** Of one field, in whose reads nobody interferes. */
function callsOfReads({ redis, source, from, endedAt, to }: Phase, ttl: number, servers: number): number {
  if (redis === 'fails') {
    // Each process by itself, and once more as Redis comes back.
    const calls =
      source === 'fails'
        ? CALLS_PER_COOL_DOWN * TRIES * once(COOL_DOWN_SECONDS, from, to)
        : once(Math.min(ttl, OUTAGE_SECONDS), from, to)
    return servers * (calls + 1)
  }
  if (source === 'works') return once(ttl, from, to)
  return CALLS_PER_COOL_DOWN * TRIES * once(COOL_DOWN_SECONDS, from, endedAt) + once(ttl, endedAt, to)
}

/** How often something can begin that begins once in so many seconds. */
const once = (seconds: number, from: number, to: number): number =>
  Math.floor((to - from) / 1_000 / seconds) + 1

function overlap(one: Pick<Sample, 'sentAt' | 'doneAt'>, other: Pick<Sample, 'sentAt' | 'doneAt'>): boolean {
  return one.doneAt >= other.sentAt && one.sentAt <= other.doneAt
}

/** How often the contract allows the source to be called in a phase; see the budgets in docs/freshness.md. */
import { EVERY_FIELD, type Sample } from './load'
import { LEASED_FIELD, LOADED_FIELDS } from './names'
import type { Phase } from './run'
import { FASTEST_FETCH_MS } from './source'

/** How long a failing source is left alone, in s, unless it asks for more. */
const COOL_DOWN_SECONDS = 5
const CALLS_PER_COOL_DOWN = 2
/** A forced refresh that others get in the way of begins anew, so often in all. */
const FORCE_ATTEMPTS = 3
/** Of one process, in ms: it spaces out its calls of the source, which is all that holds them back while both fail. */
const PACE_MS = 220

export function allowedCalls(phase: Phase, samples: readonly Sample[], servers: number): number {
  const seconds = (phase.to - phase.from) / 1_000
  const during = samples.filter(({ sentAt, doneAt }) => doneAt >= phase.from && sentAt < phase.to)
  const count = (operation: Sample['operation'], field: string): number =>
    during.filter((sample) => sample.operation === operation && sample.field === field).length
  const perField = LOADED_FIELDS.map((field) => {
    const forces = count('refresh', field.name)
    // Each may meet a fetch under way, which is then done in vain and once more.
    const changes = forces + 2 * count('invalidate', EVERY_FIELD) + (phase.fault === undefined ? 0 : 1)
    return forces * FORCE_ATTEMPTS + changes + unforcedCalls(phase, seconds, field.ttl, servers)
  })
  const leased = during.some(({ field }) => field === LEASED_FIELD.name) ? 2 : 0
  return Math.ceil(perField.reduce((sum, calls) => sum + calls, leased))
}

/** Of one field, besides those that refreshes and invalidations lead to. */
function unforcedCalls({ redis, source }: Phase, seconds: number, ttl: number, servers: number): number {
  if (redis === 'fails') {
    // One runs and one waits, in each process by itself.
    const fastest = source === 'fails' ? PACE_MS : FASTEST_FETCH_MS
    return servers * ((seconds * 1_000) / fastest + 2)
  }
  const lifetimes = seconds / ttl + 1
  return source === 'works' ? lifetimes : lifetimes + CALLS_PER_COOL_DOWN * (seconds / COOL_DOWN_SECONDS + 1)
}

/** Runs a scenario many times and says what contradicts it, how to run that again, and what came about how often. */
import fc from 'fast-check'
import { countCoincidences, isRarerThan } from '../kit/simulation/coincidences'
import { always, special } from './invariants'
import type { Scenario } from './scenario'
import type { StartCache } from './world/cacheUnderTest'
import { live } from './world/live'
import { startShippedCache } from './world/shippedCache'
import { COINCIDENCES, type Coincidence, type History } from './world/watching/history'

export interface Outcome {
  schedules: number
  /** Null when everything held. */
  failure: string | null
  /** In how many schedules each came about. */
  seen: Record<Coincidence, number>
}

export interface CheckOptions {
  runs: number
  seed: number
  startCache?: StartCache
  /** Only the invariants whose names begin so. */
  only?: string
}

/** The least share of schedules in which something has to come about that a scenario is to bring. */
const LEAST_SHARE = 0.05

/** What a scenario was to bring, and hardly did: then it proves little. */
export function rareIn({ name, brings = [] }: Scenario, { seen, schedules }: Outcome): string[] {
  return brings
    .filter((what) => isRarerThan(LEAST_SHARE, seen[what], schedules))
    .map((what) => `"${name}" brought this in ${seen[what]} of ${schedules} schedules only: ${what}`)
}

export async function check(
  scenario: Scenario,
  { runs, seed, startCache = startShippedCache, only = '' }: CheckOptions,
): Promise<Outcome> {
  const seen = countCoincidences(COINCIDENCES)
  const property = fc.asyncProperty(fc.scheduler(), scenario.plan, async (scheduler, plan) => {
    const history = await live(scheduler, plan, startCache)
    seen.add(history.during)
    const contradictions = contradictionsOf(scenario, history, only)
    if (contradictions.length > 0) throw new Contradiction(contradictions, history)
  })
  const details = await fc.check(property, { numRuns: runs, seed })
  if (!details.failed) return { schedules: details.numRuns, failure: null, seen: seen.counts }
  const { errorInstance, counterexamplePath } = details
  const told =
    errorInstance instanceof Contradiction ? errorInstance.message : String((errorInstance as Error)?.stack)
  const again = `seed ${seed}, schedule ${details.numRuns}, path ${counterexamplePath}`
  const plan = JSON.stringify(details.counterexample?.[1])
  return {
    schedules: details.numRuns,
    failure: `${scenario.name} (${again}):\n${told}\n${plan}`,
    seen: seen.counts,
  }
}

function contradictionsOf({ also = [] }: Scenario, history: History, only: string): string[] {
  return [...Object.entries(always), ...also.map((name) => [name, special[name]] as const)]
    .filter(([name]) => name.startsWith(only))
    .flatMap(([name, invariant]) => invariant(history).map((what) => `${name}: ${what}`))
}

class Contradiction extends Error {
  constructor(contradictions: readonly string[], { story }: History) {
    super([...contradictions, 'It went like this:', ...story].join('\n'))
  }
}

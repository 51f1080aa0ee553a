/** The properties of scenarios as tests; each file of tests runs beside the others. */
import { describe, expect, it } from 'vitest'
import { numberOfRuns } from '../kit/simulation/runs'
import { check, rareIn } from './check'
import type { Scenario } from './scenario'

const RUNS = numberOfRuns(5_000)

export function itHoldsIn(scenarios: readonly Scenario[]): void {
  describe.each(scenarios)('$name', (scenario) => {
    it(`contradicts none of the invariants in ${RUNS} schedules`, async () => {
      const outcome = await check(scenario, { runs: RUNS, seed: Math.floor(Math.random() * 2 ** 31) })
      expect(outcome.failure).toBeNull()
      // A property proves nothing about what never happened.
      expect.soft(rareIn(scenario, outcome)).toEqual([])
    }, 300_000)
  })
}

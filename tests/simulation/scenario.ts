import type fc from 'fast-check'
import type { special } from './invariants'
import type { Plan } from './world/plan'
import type { Coincidence } from './world/watching/history'

export interface Scenario {
  name: string
  plan: fc.Arbitrary<Plan>
  /** Checked besides those that always hold. */
  also?: readonly (keyof typeof special)[]
  /** Has to come about in at least 5 % of the schedules. */
  brings?: readonly Coincidence[]
}

/** Nothing goes wrong. */
export const quiet = { faults: [], ambushes: [], source: [] } as const

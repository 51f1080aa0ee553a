/** Fields whose schema converts what was fetched, and whose fetches carry on what stands. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import type { FieldPlan } from '../world/plan'
import { clocksApart, failingSource, faulty, MIXED, mixOf } from './mixes'

const converting: FieldPlan[] = [
  { tags: ['a'], ttl: 2, converts: true },
  { tags: ['a', 'b'], ttl: 2, converts: true, family: true, memoryTtl: 1 },
]
const fields = fc.constant(converting)

export const schemas: readonly Scenario[] = [
  {
    name: 'schemas that convert and a calm network',
    plan: mixOf({ fields }),
    brings: [...MIXED, 'a fetch that carries on what stands'],
  },
  {
    name: 'schemas that convert and everything at once',
    plan: mixOf({ fields, clocks: clocksApart, faults: faulty, source: failingSource, crash: 3 }),
    brings: ['a fetch that carries on what stands'],
  },
]

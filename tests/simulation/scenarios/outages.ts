/** A Redis that is slow, or takes nothing, and processes that answer from memory meanwhile. */
import fc from 'fast-check'
import type { Fault } from '../../kit/simulation/network'
import type { Scenario } from '../scenario'
import type { FieldPlan, Operation } from '../world/plan'
import { always, client, planOf } from './ambushes'
import { clocksApart, failingSource, MIXED, mixOf } from './mixes'

const faultsOf = (...some: Fault[]) =>
  fc.array(fc.constantFrom<Fault>('none', ...some), { minLength: 1, maxLength: 12 })

/** The time of a few requests, of many, and none at all. */
const memoryTtl = fc.constantFrom(0, 0.005, 0.02)
const fields = fc.tuple(memoryTtl, memoryTtl).map(([one, other]): FieldPlan[] => [
  { tags: ['a'], ttl: 2, memoryTtl: one },
  { tags: ['a', 'b'], ttl: 2, memoryTtl: other, family: true },
])
const dependent = memoryTtl.map((one): FieldPlan[] => [
  { tags: ['a'], ttl: 2, dependsOn: true, memoryTtl: one },
  { tags: [], ttl: 2, dependsOn: true, memoryTtl: one, family: true },
])

const read: Operation = { do: 'read', field: 0 }
const invalidateTag: Operation = { do: 'invalidate tag', tag: 'a' }

const REMEMBERED = 'an answer from memory while Redis is not there' as const

export const outages: readonly Scenario[] = [
  {
    name: 'a Redis that is slow, not down',
    plan: mixOf({ fields, faults: faultsOf('slow', 'slow', 'late'), clocks: clocksApart }),
    brings: [...MIXED, REMEMBERED],
  },
  {
    name: 'a Redis that is slow, and a source that fails',
    plan: mixOf({
      fields,
      faults: faultsOf('slow', 'slow', 'late', 'unanswered'),
      source: failingSource,
      crash: 3,
    }),
    brings: [...MIXED, REMEMBERED],
  },
  {
    name: 'a Redis that refuses writes',
    plan: mixOf({ fields, faults: faultsOf('refused', 'refused'), source: failingSource }),
    brings: MIXED,
  },
  {
    name: 'a Redis that refuses what is stored of values with dependencies',
    plan: mixOf({
      fields: dependent,
      parts: fc.constant([['d0'], ['d1'], []]),
      tags: ['a', 'd0', 'd1'],
      faults: faultsOf('refused', 'slow'),
    }),
    brings: MIXED,
  },
  {
    name: 'a process with memory that cannot reach Redis, and another one that invalidates',
    plan: planOf({
      field: { memoryTtl: 0.001 },
      phases: always([client(0, read), client(0, read), client(0, read, read), client(1, invalidateTag)]),
      cutOff: [0],
    }),
    brings: [REMEMBERED],
  },
]

/** Releases of the app that run at the same time, and store shapes that the others refuse. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import type { FieldPlan, Operation } from '../world/plan'
import { always, client, planOf } from './ambushes'
import { clocksApart, failingSource, faulty, MIXED, mixOf } from './mixes'

/** By the place of a process. */
const releases = fc.constantFrom<string[]>(
  ['old', 'new', 'new'],
  ['new', 'old', 'new'],
  ['old', 'new', 'newest'],
)

const fields = fc.constantFrom(0, 0.02).map((memoryTtl): FieldPlan[] => [
  { tags: ['a'], ttl: 2, memoryTtl },
  { tags: ['a', 'b'], ttl: 2, memoryTtl, family: true },
])

const read: Operation = { do: 'read', field: 0 }
const invalidateTag: Operation = { do: 'invalidate tag', tag: 'a' }

export const releasesApart: readonly Scenario[] = [
  {
    name: 'releases that store different shapes, and a calm network',
    plan: mixOf({ fields, releases, clocks: fc.constant<number[]>([0, 0, 0]) }),
    brings: [...MIXED, 'a value that is kept aside'],
  },
  {
    name: 'releases that store different shapes, and everything at once',
    plan: mixOf({
      fields,
      releases,
      clocks: fc.oneof(clocksApart, fc.constant<number[]>([0, 0, 0])),
      faults: faulty,
      source: failingSource,
      evict: 6,
      crash: 3,
      freeze: 2,
      named: [undefined, undefined, [], ['b']],
      tags: ['a', 'a', 'b'],
    }),
    brings: [...MIXED, 'a value that is kept aside'],
  },
  {
    name: 'a release that comes back from aside while others read and invalidate',
    plan: planOf({
      field: { memoryTtl: 0.005 },
      phases: always(
        [client(0, read), client(1, read)],
        [client(1, invalidateTag, read, read), client(0, read), client(2, read, invalidateTag, read)],
      ),
    }).map((plan) => ({ ...plan, clocks: [0, 0, 0], releases: ['old', 'new', 'new'] })),
    brings: ['a value that is kept aside', 'a way back from aside'],
  },
]

/** Keys of fields that are deleted, set and read by other doors than those of fields. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import { type FieldPlan, type Operation, REMOVALS, type Removal } from '../world/plan'
import { client, evict, planOf } from './ambushes'
import { clocksApart, failingSource, faulty, MIXED, mixOf } from './mixes'

const by = fc.constantFrom<Removal[]>(...REMOVALS)
const drawnField = fc.constantFrom(0, 0, 0, 1)

const fields = fc.constantFrom(0, 0.02, 1).map((memoryTtl): FieldPlan[] => [
  { tags: ['a'], ttl: 2, memoryTtl },
  { tags: ['a', 'b'], ttl: 2, memoryTtl, family: true },
])
const deeds: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), field: drawnField, by }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('set' as const), field: drawnField }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('get' as const), field: drawnField }) },
)

const read: Operation = { do: 'read', field: 0 }
const set: Operation = { do: 'set', field: 0 }
const get: Operation = { do: 'get', field: 0 }

export const otherDoors: readonly Scenario[] = [
  {
    name: 'other doors and a calm network',
    plan: mixOf({ fields, deeds }),
    brings: [...MIXED, 'a value that was set'],
  },
  {
    name: 'other doors and everything at once',
    plan: mixOf({
      fields,
      deeds,
      clocks: clocksApart,
      faults: faulty,
      source: failingSource,
      evict: 6,
      crash: 3,
      freeze: 2,
    }),
    brings: MIXED,
  },
  {
    name: 'a removal of what is in memory while its entry is evicted',
    plan: planOf({
      field: { memoryTtl: 0.005 },
      phases: by.map((removal) => [
        [client(0, read), client(1, read)],
        [client(0, evict(':f0'))],
        [client(0, { do: 'remove', field: 0, by: removal }, read), client(1, read, read, read)],
      ]),
    }),
    brings: ['an answer from memory'],
  },
  {
    name: 'a value that is set while others fetch, remove and read',
    plan: planOf({
      field: { memoryTtl: 0.005 },
      phases: by.map((removal) => [
        [client(0, read)],
        [
          client(0, set, read, get),
          client(1, { do: 'remove', field: 0, by: removal }, read),
          client(1, read, get, read),
        ],
      ]),
    }),
    brings: ['a value that was set'],
  },
]

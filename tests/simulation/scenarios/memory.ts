/** Fields that are answered from memory for a time: what other processes do is seen that much later, and no later. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import type { FieldPlan, Operation } from '../world/plan'
import { always, client, planOf } from './ambushes'
import { clocksApart, failingSource, faulty, MIXED, mixOf } from './mixes'

/** Seconds: the time of a few requests, of many, and longer than most runs take. */
const memoryTtl = fc.constantFrom(0.005, 0.02, 1)

const fields = fc.tuple(memoryTtl, memoryTtl).map(([one, other]): FieldPlan[] => [
  { tags: ['a'], ttl: 2, memoryTtl: one },
  { tags: ['a', 'b'], ttl: 2, memoryTtl: other, family: true },
])

const REMEMBERED = ['an answer from memory', 'a copy that its tokens prove'] as const

const read: Operation = { do: 'read', field: 0 }
const force: Operation = { do: 'force', field: 0 }
const invalidateTag: Operation = { do: 'invalidate tag', tag: 'a' }
const wait: Operation = { do: 'wait', milliseconds: 5 }

export const memory: readonly Scenario[] = [
  { name: 'memory and a calm network', plan: mixOf({ fields }), brings: [...MIXED, ...REMEMBERED] },
  {
    name: 'memory and everything at once',
    plan: mixOf({ fields, clocks: clocksApart, faults: faulty, source: failingSource, crash: 3 }),
    brings: [...MIXED, ...REMEMBERED],
  },
  {
    name: 'copies in memory while another process invalidates',
    plan: planOf({
      field: { memoryTtl: 0.005 },
      phases: always([client(0, read, wait, read, read, wait, read), client(1, read, invalidateTag, read)]),
    }),
    brings: ['an answer from memory', 'a copy that its tokens disprove'],
  },
  {
    name: 'copies in memory while their own process invalidates',
    plan: planOf({
      field: { memoryTtl: 1 },
      phases: fc
        .tuple(
          fc.constantFrom(invalidateTag, force, { do: 'invalidate field', field: 0 } as const),
          fc.nat(1),
        )
        .map(([deed, other]) => [
          [client(other, read)],
          [client(0, read, read), client(0, deed, read, read), client(1, read)],
        ]),
    }),
    brings: ['an answer from memory'],
  },
  {
    name: 'a fetch that is slower than memory is long, and an invalidation',
    plan: planOf({
      field: { memoryTtl: 0.005 },
      phases: always([client(0, read, read, read), client(1, invalidateTag), client(0, read, wait, read)]),
    }),
  },
]

/** Fetches that need more than one refresh, and go on where the last one has stopped. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import type { FieldPlan, Operation, SourceAnswer } from '../world/plan'
import { client, evict, planOf } from './ambushes'
import { clocksApart, faulty, MIXED, mixOf } from './mixes'

const answers = (...others: SourceAnswer[]) =>
  fc
    .array(fc.constantFrom<SourceAnswer>('pauses', 'pauses', 'answers', ...others), { maxLength: 5 })
    .map((drawn): SourceAnswer[] => ['pauses', 'answers', ...drawn])

const BROUGHT = [
  ...MIXED,
  'a fetch that goes on where another has stopped',
  'an invalidation between two parts of a fetch',
] as const

const read: Operation = { do: 'read', field: 0 }
const force: Operation = { do: 'force', field: 0 }
const invalidateTag: Operation = { do: 'invalidate tag', tag: 'a' }
/** Past the cool-down of a fetch that has stopped. */
const rest: Operation = { do: 'wait', milliseconds: 1_100 }

/** Values that tell what they are made of, and tell other things later. */
const dependent: FieldPlan[] = [
  { tags: ['a'], ttl: 2, dependsOn: true },
  { tags: [], ttl: 2, dependsOn: true, family: true },
]

export const parts: readonly Scenario[] = [
  { name: 'fetches in parts and a calm network', plan: mixOf({ source: answers() }), brings: BROUGHT },
  {
    name: 'fetches in parts and everything at once',
    plan: mixOf({
      clocks: clocksApart,
      faults: faulty,
      source: answers('late', 'fails', 'times out'),
      evict: 5,
      crash: 3,
    }),
    brings: BROUGHT,
  },
  {
    name: 'fetches in parts of what has dependencies',
    plan: mixOf({
      fields: fc.constant(dependent),
      parts: fc.constant([['d0'], ['d1'], []]),
      tags: ['a', 'd0', 'd1'],
      source: answers(),
    }),
    brings: [
      'a fetch that goes on where another has stopped',
      'an invalidation between two parts of a fetch',
    ],
  },
  {
    name: 'an invalidation between the parts of a fetch',
    plan: planOf({
      phases: fc
        .tuple(
          fc.constantFrom(read, force),
          fc.constantFrom(invalidateTag, evict('token:tag:a')),
          fc.constantFrom(read, force),
        )
        .map(([first, deed, next]) => [
          [client(0, first)],
          [client(1, deed, rest, next, read), client(0, rest, next, read)],
        ]),
    }).map((plan) => ({ ...plan, source: ['pauses', 'answers'] as const })),
  },
  {
    name: 'a force after a read that has stopped, and others that have',
    plan: planOf({
      phases: fc.subarray([read, force, rest]).map((before) => [
        [client(0, read), client(1, ...before)],
        [client(0, rest, force, read), client(1, read)],
      ]),
    }).map((plan) => ({ ...plan, source: ['pauses', 'pauses', 'answers'] as const })),
    brings: ['a fetch that goes on where another has stopped'],
  },
]

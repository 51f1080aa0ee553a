/** Configurations of one key that name different tags: tags belong to the entry, whichever configuration reads it. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import type { FieldPlan, Operation } from '../world/plan'
import { always, client, planOf } from './ambushes'
import { clocksApart, failingSource, faulty, MIXED, mixOf } from './mixes'

const named = [undefined, undefined, [], ['b'], ['a', 'b'], ['c']]
const tags = ['a', 'a', 'b', 'c']
const DISAGREEING = ['an entry under tags that its reader does not name'] as const

const fields = fc.constantFrom(0, 0.02).map((memoryTtl): FieldPlan[] => [
  { tags: ['a'], ttl: 2, memoryTtl },
  { tags: ['a', 'b'], ttl: 2, memoryTtl, family: true },
])
const dependent = fc.constantFrom(0, 0.02).map((memoryTtl): FieldPlan[] => [
  { tags: ['a'], ttl: 2, memoryTtl, dependsOn: true },
  { tags: [], ttl: 2, memoryTtl, dependsOn: true, family: true },
])

const read: Operation = { do: 'read', field: 0 }
const bare: Operation = { do: 'read', field: 0, tags: [] }
const forceBare: Operation = { do: 'force', field: 0, tags: [] }
const invalidateTag: Operation = { do: 'invalidate tag', tag: 'a' }

export const tagsOfEntries: readonly Scenario[] = [
  {
    name: 'readers that name different tags, and a calm network',
    plan: mixOf({ fields, named, tags }),
    brings: [...MIXED, ...DISAGREEING],
  },
  {
    name: 'readers that name different tags, and everything at once',
    plan: mixOf({
      fields,
      named,
      tags,
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
    name: 'readers that name different tags, of values that tell what they depend on',
    plan: mixOf({
      fields: dependent,
      named,
      tags: [...tags, 'd0', 'd1'],
      parts: fc.constant([['d0'], ['a', 'd1'], [], ['c']]),
    }),
    brings: [...MIXED, ...DISAGREEING],
  },
  {
    name: 'readers that do not name the tag that is invalidated',
    plan: planOf({
      phases: fc
        .constantFrom(bare, forceBare)
        .map((first) => [
          [client(0, read)],
          [client(0, first, bare), client(1, bare, invalidateTag, bare), client(0, bare, read)],
        ]),
    }),
  },
  {
    name: 'copies in memory of readers that do not name the tag that is invalidated',
    plan: planOf({
      field: { memoryTtl: 0.005 },
      phases: always(
        [client(0, read)],
        [client(0, bare, { do: 'wait', milliseconds: 5 }, bare, bare), client(1, bare, invalidateTag, bare)],
      ),
    }),
    brings: ['an answer from memory'],
  },
]

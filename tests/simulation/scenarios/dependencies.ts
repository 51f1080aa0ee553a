/** Fields whose values tell what they are made of, and change what they tell. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import type { FieldPlan, Operation } from '../world/plan'
import { always, client, evict, planOf, sometimes } from './ambushes'
import { inTurns } from './calm'
import { clocksApart, failingSource, faulty, MIXED, mixOf } from './mixes'

const fieldsOf = (memoryTtl: number): FieldPlan[] => [
  { tags: ['a'], ttl: 2, dependsOn: true, memoryTtl },
  { tags: [], ttl: 2, dependsOn: true, memoryTtl, family: true },
]
const fields = fc.constantFrom(0, 0, 0.02).map(fieldsOf)
const part = fc.constantFrom('d0', 'd1', 'd2')
const parts = fc.array(fc.uniqueArray(part, { maxLength: 2 }), { minLength: 1, maxLength: 4 })
const tags = ['a', 'd0', 'd0', 'd1', 'd2']

const BROUGHT = [
  ...MIXED,
  'dependencies that were not known before the fetch',
  'dependencies invalidated during the fetch',
] as const

const read: Operation = { do: 'read', field: 0 }
const force: Operation = { do: 'force', field: 0 }
const invalidate = (tag: string): Operation => ({ do: 'invalidate tag', tag })

const LONG = 3_600
/** The value of the nth fetch, of whichever field, is made of the nth of these. */
const inTurnsFields: FieldPlan[] = [
  { tags: ['a'], ttl: LONG, dependsOn: true },
  { tags: [], ttl: LONG, dependsOn: true, family: true },
  { tags: ['a'], ttl: LONG },
]

export const dependencies: readonly Scenario[] = [
  { name: 'dependencies and a calm network', plan: mixOf({ fields, parts, tags }), brings: BROUGHT },
  {
    name: 'dependencies and evictions',
    plan: mixOf({ fields, parts, tags, evict: 16 }),
    brings: BROUGHT,
  },
  {
    name: 'dependencies and everything at once',
    plan: mixOf({
      fields,
      parts,
      tags,
      clocks: clocksApart,
      faults: faulty,
      source: failingSource,
      crash: 3,
    }),
    brings: BROUGHT,
  },
  {
    name: 'fields read and what they depend on invalidated in turns',
    plan: inTurns(
      fc.record({ do: fc.constant('invalidate tag' as const), tag: fc.constantFrom(...tags) }),
      1,
      inTurnsFields,
      parts,
    ),
    also: ['I7 after an invalidation exactly the tagged fields miss'],
    brings: ['dependencies that were not known before the fetch'],
  },
  {
    name: 'readers before and after what their value depends on is invalidated',
    plan: planOf({
      field: { dependsOn: true },
      parts: [['d0'], ['d0', 'd1']],
      phases: sometimes(read).map((warm) => [
        [client(0, ...warm)],
        [client(0, read, read), client(1, invalidate('d0'), read), client(0, invalidate('d1'), read)],
      ]),
    }),
  },
  {
    name: 'tokens of dependencies that are created while others change them',
    plan: planOf({
      field: { dependsOn: true },
      parts: [['d0']],
      phases: always([client(0, read, read), client(1, invalidate('d0'), evict('token:tag:d0'), read)]),
    }),
    brings: ['dependencies that were not known before the fetch'],
  },
  {
    name: 'forces of a field whose dependencies change',
    plan: planOf({
      field: { dependsOn: true },
      parts: [['d0'], ['d1'], []],
      phases: always([
        client(0, force, read),
        client(1, force, read),
        client(1, invalidate('d0'), invalidate('d1')),
      ]),
    }),
  },
]

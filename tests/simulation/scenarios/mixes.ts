/** Everything at once, with other things that go wrong in each. */
import fc from 'fast-check'
import type { Fault } from '../../kit/simulation/network'
import type { Scenario } from '../scenario'
import type { Client, FieldPlan, Operation, Plan, SourceAnswer } from '../world/plan'

/** A configured field, and a member of a family that shares a tag with it. */
const fields: readonly FieldPlan[] = [
  { tags: ['a'], ttl: 2 },
  { tags: ['a', 'b'], ttl: 2, family: true },
]
const field = fc.constantFrom(0, 0, 0, 1)

const waiting = fc.record({
  do: fc.constant('wait' as const),
  milliseconds: fc.constantFrom(500, 1_600, 3_000),
})
const evicting = fc.record({ do: fc.constant('evict' as const), which: fc.nat(20) })
const freezing = fc.record({
  do: fc.constant('freeze' as const),
  process: fc.nat(2),
  milliseconds: fc.constantFrom(500, 1_600, 3_000),
})
const crashing = fc.record({ do: fc.constant('crash' as const), process: fc.nat(2), turns: fc.nat(12) })

const deed = (
  weights: { evict: number; crash: number; freeze: number },
  invalidated: readonly string[],
  named: readonly (readonly string[] | undefined)[],
  deeds: fc.Arbitrary<Operation> | undefined,
): fc.Arbitrary<Operation> => {
  const tags = fc.constantFrom(...named)
  return fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('read' as const), field, tags }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('force' as const), field, tags }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('invalidate tag' as const),
        tag: fc.constantFrom(...invalidated),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('invalidate field' as const), field }) },
    { weight: 5, arbitrary: waiting },
    { weight: weights.evict, arbitrary: evicting },
    { weight: weights.crash, arbitrary: crashing },
    { weight: weights.freeze, arbitrary: freezing },
    ...(deeds ? [{ weight: 8, arbitrary: deeds }] : []),
  )
}

const clientsOf = (operation: fc.Arbitrary<Operation>): fc.Arbitrary<Client[]> =>
  fc.array(
    fc.record({ process: fc.nat(2), operations: fc.array(operation, { minLength: 1, maxLength: 4 }) }),
    { minLength: 3, maxLength: 5 },
  )

export const sameClocks = fc.constantFrom<number[]>([0, 0], [0, 0, 0])
export const clocksApart = fc.constantFrom<number[]>([0, 300_000], [0, -300_000, 300_000])

export const faulty = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fault>('none') },
    { weight: 1, arbitrary: fc.constantFrom<Fault>('lost', 'unanswered', 'late') },
  ),
  { minLength: 1, maxLength: 12 },
)
const down = fc.array(fc.constantFrom<Fault>('lost', 'lost', 'unanswered', 'late', 'none'), {
  minLength: 1,
  maxLength: 6,
})
const slowSource = fc.array(fc.constantFrom<SourceAnswer>('answers', 'answers', 'late'), { maxLength: 4 })
export const failingSource = fc.array(
  fc.constantFrom<SourceAnswer>('answers', 'answers', 'late', 'fails', 'times out'),
  { minLength: 1, maxLength: 5 },
)

interface Mix {
  fields?: fc.Arbitrary<readonly FieldPlan[]>
  /** Those that are invalidated. */
  tags?: readonly string[]
  parts?: fc.Arbitrary<string[][]>
  /** What configurations of one key name, each time one of these; undefined for the tags of the field. */
  named?: readonly (readonly string[] | undefined)[]
  clocks?: fc.Arbitrary<number[]>
  faults?: fc.Arbitrary<Fault[]>
  source?: fc.Arbitrary<SourceAnswer[]>
  evict?: number
  crash?: number
  freeze?: number
  releases?: fc.Arbitrary<string[]>
  /** Others, besides. */
  deeds?: fc.Arbitrary<Operation>
}

export function mixOf({
  fields: drawn = fc.constant(fields),
  tags = ['a', 'a', 'b'],
  parts = fc.constant([]),
  named = [undefined],
  clocks = sameClocks,
  faults,
  source = slowSource,
  evict = 3,
  crash = 0,
  freeze = 0,
  releases,
  deeds,
}: Mix): fc.Arbitrary<Plan> {
  return fc.record({
    clocks,
    fields: drawn,
    phases: clientsOf(deed({ evict, crash, freeze }, tags, named, deeds)).map((clients) => [clients]),
    faults: faults ?? fc.constant([]),
    ambushes: fc.constant([]),
    source,
    parts,
    ...(releases && { releases }),
  })
}

export const MIXED = [
  'invalidation during a fetch',
  'overlapping forces',
  'eviction between read and write',
  'expired lease',
] as const

export const mixes: readonly Scenario[] = [
  { name: 'a calm network', plan: mixOf({}), brings: MIXED },
  { name: 'a source that fails', plan: mixOf({ source: failingSource }), brings: MIXED },
  { name: 'processes that die', plan: mixOf({ crash: 6 }), brings: [...MIXED, 'death of a lease holder'] },
  {
    name: 'processes that are frozen',
    plan: mixOf({ freeze: 8, crash: 1 }),
    brings: MIXED,
  },
  {
    name: 'requests and answers lost or late, and clocks minutes apart',
    plan: mixOf({ clocks: clocksApart, faults: faulty }),
    brings: MIXED,
  },
  { name: 'a Redis that hardly answers', plan: mixOf({ faults: down }), brings: MIXED },
  { name: 'evictions of whatever there is', plan: mixOf({ evict: 16 }), brings: MIXED },
  {
    name: 'everything at once',
    plan: mixOf({ clocks: clocksApart, faults: faulty, source: failingSource, crash: 3, freeze: 2 }),
    brings: MIXED,
  },
]

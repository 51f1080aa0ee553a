/** Plans in which it is known exactly what each read has to find. */
import fc from 'fast-check'
import { quiet, type Scenario } from '../scenario'
import type { Client, FieldPlan, Operation, Plan, SourceAnswer } from '../world/plan'

/** So long that nothing goes stale while readers wait for one another. */
const LONG = 3_600

const coldField: FieldPlan = { tags: ['a', 'b'], ttl: LONG }
const reads = (process: number, callers: number): Client[] =>
  Array.from({ length: callers }, () => ({ process, operations: [{ do: 'read', field: 0 }] }))

/** Some readers in each of 2 or 3 processes, all at once, of a field that was never fetched. */
const coldReaders = fc
  .array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 3 })
  .map((callers) => callers.flatMap((count, process) => reads(process, count)))

const coldStart = (extra: fc.Arbitrary<Client[]>): fc.Arbitrary<Plan> =>
  fc.tuple(coldReaders, extra).map(([readers, others]) => ({
    ...quiet,
    clocks: [0, 0, 0],
    fields: [coldField],
    phases: [[...readers, ...others]],
  }))

const deaths: fc.Arbitrary<Client[]> = fc.array(
  fc
    .record({ do: fc.constant('crash' as const), process: fc.nat(2), turns: fc.nat(10) })
    .map((death): Client => ({ process: death.process, operations: [death] })),
  { minLength: 2, maxLength: 5 },
)
const aPause: fc.Arbitrary<Client[]> = fc
  .constantFrom(500, 1_600)
  .map((milliseconds) => [{ process: 0, operations: [{ do: 'wait', milliseconds }] }])

const tagged: readonly FieldPlan[] = [
  { tags: [], ttl: LONG },
  { tags: ['a'], ttl: LONG },
  { tags: ['b'], ttl: LONG },
  { tags: ['a', 'b'], ttl: LONG },
  { tags: ['a', 'ab'], ttl: LONG, family: true },
]

const readingAll = ({ length }: readonly FieldPlan[]) =>
  fc
    .array(fc.nat(2), { minLength: length, maxLength: length })
    .map((processes) =>
      processes.map((process, field): Client => ({ process, operations: [{ do: 'read', field }] })),
    )

/** Every field read once by some process, then some deeds at the same time, over and over. */
export const inTurns = (
  deed: fc.Arbitrary<Operation>,
  most: number,
  fields = tagged,
  drawnParts: fc.Arbitrary<string[][]> = fc.constant([]),
): fc.Arbitrary<Plan> => {
  const deeds = fc.array(fc.record({ process: fc.nat(2), operations: fc.tuple(deed) }), {
    minLength: 1,
    maxLength: most,
  })
  return fc
    .tuple(fc.array(fc.tuple(readingAll(fields), deeds), { minLength: 1, maxLength: 2 }), drawnParts)
    .map(([rounds, parts]) => ({ ...quiet, clocks: [0, 0], fields, parts, phases: rounds.flat() }))
}

const invalidating: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ do: fc.constant('invalidate tag' as const), tag: fc.constantFrom('a', 'b', 'ab', 'nobody') }),
  fc.record({ do: fc.constant('invalidate field' as const), field: fc.nat(tagged.length - 1) }),
)
const evicting: fc.Arbitrary<Operation> = fc.record({ do: fc.constant('evict' as const), which: fc.nat(40) })

const anyReader = fc.nat(2).map((process): Client => ({ process, operations: [{ do: 'read', field: 0 }] }))
const readers = fc.array(anyReader, { minLength: 1, maxLength: 3 })

/** Stale before the lease of its first fetch has run out. */
const goingStale: fc.Arbitrary<Plan> = fc.tuple(readers, readers, readers).map(([first, second, third]) => ({
  ...quiet,
  clocks: [0, 0, 0],
  fields: [{ tags: ['a'], ttl: 1 }],
  phases: [first, [{ process: 0, operations: [{ do: 'wait', milliseconds: 1_000 }] }], second, third],
}))

const failing: fc.Arbitrary<Plan> = fc
  .tuple(readers, readers, fc.constantFrom<SourceAnswer>('fails', 'times out'))
  .map(([first, second, answer]) => ({
    ...quiet,
    clocks: [0, 0, 0],
    fields: [coldField],
    phases: [first, second],
    source: [answer],
  }))

export const calm: readonly Scenario[] = [
  {
    name: 'cold readers',
    plan: coldStart(fc.constant([])),
    also: ['I2 one fetch for any number of cold readers'],
  },
  {
    name: 'cold readers whose lease holders die',
    plan: coldStart(deaths),
    brings: ['death of a lease holder'],
    also: ['I2 one fetch for any number of cold readers'],
  },
  {
    name: 'cold readers whose lease holders are late',
    plan: coldStart(aPause),
    also: ['I2 one fetch for any number of cold readers'],
  },
  {
    name: 'a value that goes stale',
    plan: goingStale,
    also: ['I4 a stale value is refreshed'],
  },
  {
    name: 'readers of a source that is down',
    plan: failing,
    also: ['I4 a source that failed is left alone'],
  },
  {
    name: 'fields read and tags invalidated in turns',
    plan: inTurns(invalidating, 3),
    also: ['I7 after an invalidation exactly the tagged fields miss'],
  },
  {
    name: 'fields read and keys evicted in turns',
    plan: inTurns(evicting, 2),
    also: ['I8 an eviction costs one fetch of each field that it concerns'],
  },
]

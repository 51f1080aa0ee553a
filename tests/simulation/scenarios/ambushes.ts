/**
 * The few steps that lead to trouble if a guard is missing, in any order: the general mixes hardly ever take them all.
 * Everything that is not drawn here is drawn by the scheduler.
 */
import fc from 'fast-check'
import { quiet, type Scenario } from '../scenario'
import type { Ambush, Client, FieldPlan, Operation, Plan } from '../world/plan'

const read: Operation = { do: 'read', field: 0 }
const force: Operation = { do: 'force', field: 0 }
const invalidateTag: Operation = { do: 'invalidate tag', tag: 'a' }
const invalidateField: Operation = { do: 'invalidate field', field: 0 }
export const evict = (which: string): Operation => ({ do: 'evict', which })

export const client = (process: number, ...operations: Operation[]): Client => ({ process, operations })

interface Setting {
  field?: Partial<FieldPlan>
  parts?: Plan['parts']
  phases: fc.Arbitrary<Client[][]>
  ambushes?: Ambush[]
  cutOff?: number[]
}

/** How many turns each client waits before its first step, so that steps of one fall between those of another. */
const pauses = fc.array(fc.nat(6), { minLength: 6, maxLength: 6 })
const pause: Operation = { do: 'wait', milliseconds: 1 }

/** Two processes and one field of one tag, which stays fresh. */
export const planOf = ({
  field = {},
  parts = [],
  phases,
  ambushes = [],
  cutOff = [],
}: Setting): fc.Arbitrary<Plan> =>
  fc.tuple(phases, pauses).map(([drawn, waits]) => ({
    ...quiet,
    clocks: [0, 0],
    fields: [{ tags: ['a'], ttl: 3_600, ...field }],
    parts,
    phases: drawn.map((clients) =>
      clients.map(({ process, operations }, index) => ({
        process,
        operations: [...Array.from({ length: waits[index] ?? 0 }, () => pause), ...operations],
      })),
    ),
    ambushes,
    cutOff,
  }))

export const always = (...phases: Client[][]) => fc.constant(phases)
export const sometimes = (one: Operation) => fc.subarray([one])
const eitherInvalidation = fc.constantFrom(invalidateTag, invalidateField)

export const ambushes: readonly Scenario[] = [
  {
    name: 'an invalidation that is done later than its successor',
    plan: planOf({
      phases: always([client(0, read, invalidateTag, read, invalidateTag)]),
      ambushes: [{ on: 'MSET', nth: 1, fault: 'late' }],
    }),
  },
  {
    name: 'readers before and after an invalidation',
    plan: planOf({
      phases: fc
        .tuple(sometimes(read), eitherInvalidation, fc.nat(1))
        .map(([warm, invalidate, process]) => [
          [client(0, ...warm)],
          [client(0, read), client(process, invalidate, read), client(0, invalidate, read)],
        ]),
    }),
  },
  {
    name: 'tokens that are missing, created, changed, and missing again',
    plan: planOf({
      phases: always([
        client(0, read),
        client(0, invalidateTag, evict('token:tag:a'), read),
        client(1, evict('token:key:f0')),
      ]),
    }),
  },
  {
    name: 'tokens whose creation comes late',
    plan: planOf({
      phases: always([client(0, read), client(1, invalidateTag, evict('token:tag:a'))]),
      ambushes: [{ on: 'MSETNX+SET', nth: 1, fault: 'late' }],
    }),
  },
  {
    name: 'tokens that a force creates late',
    plan: planOf({
      phases: always([client(0, force), client(1, invalidateTag, evict('token:tag:a'))]),
      ambushes: [{ on: 'MSETNX', nth: 1, fault: 'late' }],
    }),
  },
  {
    name: 'tokens created while others change them',
    plan: planOf({
      phases: always([client(0, read), client(1, invalidateTag, invalidateField), client(1, read)]),
    }),
  },
  {
    name: 'a process that cannot reach Redis, and another one that invalidates',
    plan: planOf({
      phases: always([client(0, read), client(0, read), client(1, invalidateTag)]),
      cutOff: [0],
    }),
  },
  {
    name: 'forces that overlap, and an invalidation',
    plan: planOf({
      phases: sometimes(invalidateField).map((others) => [
        [client(0, read)],
        [client(0, force), client(1, force), client(0, force), client(1, ...others)],
      ]),
    }),
  },
  {
    name: 'forces of several processes at once',
    plan: planOf({
      phases: always(
        [client(0, read)],
        [client(0, force, read), client(1, force, force), client(2, force, read)],
      ),
    }).map((plan) => ({ ...plan, clocks: [0, 0, 0] })),
    also: ['I5 forces that only meet one another are never refused'],
    brings: ['overlapping forces', 'a force that takes what another one has fetched'],
  },
  {
    name: 'a force whose commit comes late',
    plan: planOf({
      phases: always([client(0, read)], [client(0, force, read), client(1, force)]),
      ambushes: [
        { on: 'EVAL', nth: 1, fault: 'late' },
        { on: 'EVAL', nth: 2, fault: 'lost' },
      ],
    }),
  },
  {
    name: 'a process that is frozen past its lease, and one that fetches meanwhile',
    plan: planOf({
      phases: always([
        client(0, read, read),
        client(1, { do: 'freeze', process: 0, milliseconds: 1_600 }, read),
      ]),
    }),
    brings: ['expired lease'],
  },
  {
    name: 'a slow fetch, an invalidation, and a fetch that is faster',
    plan: planOf({
      phases: always([client(0, read), client(0, invalidateTag, read)]),
    }),
    also: ['I4 nothing is stored that is known to be outdated'],
  },
]

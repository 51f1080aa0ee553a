/** Forces of one key that ask for different things at the same time, and may share only what they have in common. */
import fc from 'fast-check'
import type { Scenario } from '../scenario'
import type { ForceOptions } from '../world/forceOptions'
import type { Client, Operation, Plan, SourceAnswer } from '../world/plan'
import { FETCH_TIMEOUT_MS } from '../world/times'
import { client, planOf } from './ambushes'
import { clocksApart, faulty, MIXED, mixOf } from './mixes'

/** In what one force differs from another one; only users bring their own fetcher, or purge. */
const DIFFERENCES: readonly Partial<ForceOptions>[] = [
  { ttl: 30 },
  { fetcher: 1 },
  { purge: true },
  { timeoutMs: 3 * FETCH_TIMEOUT_MS },
  { by: 'anonymous' },
]
const OF_CRON: readonly Partial<ForceOptions>[] = [{ by: 'cron' }, { by: 'change' }, { by: 'user' }]

/** What the forces of one run ask for, most of them one of two things that differ in a single option. */
const optionSets: fc.Arbitrary<readonly Partial<ForceOptions>[]> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...DIFFERENCES), fc.constantFrom(...DIFFERENCES))
    .map(([one, other]) => [{}, one, one, { ...one, ...other }]),
  fc
    .tuple(
      fc.shuffledSubarray([...OF_CRON], { minLength: 2, maxLength: 2 }),
      fc.constantFrom({}, { ttl: 30 }),
    )
    .map(([several, rest]) => several.map((one) => ({ ...one, ...rest }))),
)
const forceOf = (options: Partial<ForceOptions>): Operation => ({ do: 'force', field: 0, options })
const forcesOf = (some: readonly Partial<ForceOptions>[]): fc.Arbitrary<Operation> =>
  fc.constantFrom(...some).map(forceOf)

const read: Operation = { do: 'read', field: 0 }
const wait = (milliseconds: number): Operation => ({ do: 'wait', milliseconds })

const inParts = (...others: SourceAnswer[]) =>
  fc.array(fc.constantFrom<SourceAnswer>('answers', 'answers', 'pauses', ...others), { maxLength: 5 })

const DIFFERENT = 'forces of one field and process that differ' as const

/** Those of one process wait for one another; another process forces as well. */
const together = (deeds: fc.Arbitrary<Operation>): fc.Arbitrary<Client[]> =>
  fc
    .tuple(fc.array(deeds, { minLength: 3, maxLength: 4 }), fc.array(deeds, { maxLength: 1 }))
    .map(([here, there]) => [...here.map((one) => client(0, one)), client(1, ...there, read)])

/** What readers, users and the cron have left, and go on with: at once, after a while, and after another one. */
const minutesApart: fc.Arbitrary<Plan> = planOf({
  phases: fc
    .array(
      fc.array(
        fc.constantFrom(read, forceOf({}), forceOf({}), forceOf({ fetcher: 1 }), forceOf({ by: 'cron' })),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      { minLength: 3, maxLength: 3 },
    )
    .map((turns) =>
      turns.flatMap((deeds) => [
        deeds.map((one, index) => client(index, one, wait(1_100))),
        [client(0, wait(70_000))],
      ]),
    ),
}).chain((plan) => inParts('pauses', 'pauses').map((source) => ({ ...plan, source: ['pauses', ...source] })))

export const differentForces: readonly Scenario[] = [
  {
    name: 'forces with different options, and a calm network',
    plan: optionSets.chain((some) => mixOf({ deeds: forcesOf(some), source: inParts('late') })),
    brings: [...MIXED, DIFFERENT],
  },
  {
    name: 'forces with different options, and everything at once',
    plan: optionSets.chain((some) =>
      mixOf({
        deeds: forcesOf(some),
        clocks: clocksApart,
        faults: faulty,
        source: inParts('late', 'fails', 'times out'),
        crash: 3,
        freeze: 2,
      }),
    ),
    brings: [...MIXED, DIFFERENT],
  },
  {
    name: 'forces with different options that wait for one another',
    plan: optionSets.chain((some) =>
      planOf({ phases: together(forcesOf(some)).map((clients) => [[client(0, read)], clients]) }),
    ),
    also: ['I5 forces that only meet one another are never refused'],
    brings: [
      DIFFERENT,
      'a force that shares its fetch with a like one',
      'a force of the cron that is served by that of a user',
    ],
  },
  {
    name: 'forces that purge and forces that do not, and a Redis that refuses to store',
    plan: planOf({
      phases: together(forcesOf([{}, { purge: true }, { purge: true }])).map((clients) => [
        [client(0, read), client(1, read)],
        clients,
      ]),
      ambushes: [1, 2, 3, 4].map((nth) => ({ on: 'EVAL', nth, fault: 'refused' })),
    }),
    brings: [DIFFERENT, 'a purge that has removed what stood'],
  },
  {
    name: 'forces with different options in parts, minutes apart',
    plan: minutesApart,
    brings: [
      'a fetch that goes on where another has stopped',
      'a force that goes on with what another one has read',
    ],
  },
]

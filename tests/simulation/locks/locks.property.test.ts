import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countCoincidences } from '../../kit/simulation/coincidences'
import type { Fault } from '../../kit/simulation/network'
import { expectShare, numberOfRuns } from '../../kit/simulation/runs'
import {
  LOCK_COINCIDENCES,
  type LockHistory,
  type LockOperation,
  type LockPlan,
  liveWithLocks,
} from './lockWorld'

const RUNS = numberOfRuns(5_000)

const names = fc.constantFrom<readonly string[]>(['a'], ['a'], ['a', 'b'], ['b', 'a'], ['b'])
const milliseconds = fc.constantFrom(200, 1_500, 3_500)
const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('work' as const),
      names,
      steps: fc.integer({ min: 1, max: 4 }),
      retryCount: fc.integer({ min: 0, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), names, milliseconds }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), names }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds }) },
) satisfies fc.Arbitrary<LockOperation>
const clients = fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 })
const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fault>('none') },
  { weight: 1, arbitrary: fc.constantFrom<Fault>('lost', 'unanswered', 'late') },
)

const plans: Record<string, fc.Arbitrary<LockPlan>> = {
  'on a calm network': fc.record({ clients, faults: fc.constant([]) }),
  'with requests and answers lost or late': fc.record({
    clients,
    faults: fc.array(fault, { minLength: 1, maxLength: 12 }),
  }),
}

/** Work that was acknowledged as done alone, although another client got one of its locks before it had ended. */
function disturbed({ alone, grants }: LockHistory): unknown[] {
  return alone.flatMap((done) => {
    const since = grants.slice(grants.findIndex(({ token }) => token === done.token) + 1, done.grantsThen)
    const others = since.filter((grant) => grant.names.some((name) => done.names.includes(name)))
    return others.map((other) => ({ done, other }))
  })
}

describe.each(Object.entries(plans))('%s', (name, plan) => {
  it('no two holders of locks have one token, late ones have lower ones, and no client is given a lock that another one holds (I11)', async () => {
    const seen = countCoincidences(LOCK_COINCIDENCES)
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plan, async (scheduler, drawn) => {
        const history = await liveWithLocks(scheduler, drawn)
        seen.add(history.during)
        const tokens = history.grants.map(({ token }) => token)
        expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
        expect(history.grants.filter(({ intruded }) => intruded.length > 0)).toEqual([])
        expect(disturbed(history)).toEqual([])
        const accepted = history.writes.filter((write) => write.accepted).map(({ token }) => token)
        expect(accepted).toEqual([...accepted].sort((a, b) => a - b))
      }),
      { numRuns: RUNS },
    )
    // A property proves nothing about what never happened.
    for (const what of LOCK_COINCIDENCES) expectShare(`${name}: ${what}`, 0.1, seen.counts[what], RUNS)
  }, 300_000)
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fault } from './simRedis'
import { type History, live, type Operation, type Plan } from './world'

const RUNS = Number(process.env.SIMULATION_RUNS ?? 5_000)

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Operation>({ do: 'read' }) },
  { weight: 2, arbitrary: fc.constant<Operation>({ do: 'force' }) },
  { weight: 2, arbitrary: fc.constant<Operation>({ do: 'invalidate tag' }) },
  { weight: 1, arbitrary: fc.constant<Operation>({ do: 'invalidate field' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const), which: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      milliseconds: fc.constantFrom(500, 1_600, 3_000),
    }),
  },
)
const clients = fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 })
const failing = fc.array(
  fc.boolean().map((one) => one),
  { maxLength: 4 },
)
const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fault>('none') },
  { weight: 1, arbitrary: fc.constantFrom<Fault>('lost', 'unanswered', 'late') },
)

const plans: Record<string, fc.Arbitrary<Plan>> = {
  'on a calm network': fc.record({
    clients,
    faults: fc.constant([]),
    failing: fc.constant([]),
    skew: fc.constant(0),
  }),
  'with a source that fails': fc.record({ clients, faults: fc.constant([]), failing, skew: fc.constant(0) }),
  'with requests and answers lost or late, and clocks minutes apart': fc.record({
    clients,
    faults: fc.array(fault, { minLength: 1, maxLength: 12 }),
    failing: fc.constant([]),
    skew: fc.constantFrom(0, 300_000, -300_000),
  }),
}

/** I1: a read that begins after an acknowledgement returns nothing that was fetched before the call it acknowledges. */
function outdatedReads({ reads, acknowledged }: History): unknown[] {
  return reads
    .filter(({ status }) => status !== 'degraded')
    .flatMap((read) =>
      acknowledged
        .filter(({ from, to }) => to < read.from && read.fetchBegan < from)
        .map((before) => ({ read, before })),
    )
}

describe.each(Object.entries(plans))('%s', (name, plan) => {
  it('no read returns what was fetched before an acknowledged invalidation or force, and every read ends', async () => {
    const seen = { invalidationDuringFetch: 0, overlappingForces: 0, eviction: 0, leaseExpired: 0 }
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plan, async (scheduler, drawn) => {
        const history = await live(scheduler, drawn)
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) if (history.during[key]) seen[key] += 1
        expect(outdatedReads(history)).toEqual([])
      }),
      { numRuns: RUNS },
    )
    // A property proves nothing about what never happened.
    for (const [what, count] of Object.entries(seen))
      expect.soft(count / RUNS, `${name}: ${what}`).toBeGreaterThan(0.05)
  }, 300_000)
})

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type LuaRedis, startLuaRedis } from '../../kit/redis/luaRedis'
import { countCoincidences } from '../../kit/simulation/coincidences'
import { expectShare, numberOfRuns } from '../../kit/simulation/runs'
import { BASES, CALM, densest, type LimiterHistory, type LimiterPlan, liveOnLimiter } from './world'

const RUNS = numberOfRuns(250)
const TIMEOUT_MS = 300_000

const caller = fc.record({
  process: fc.integer({ min: 0, max: 2 }),
  base: fc.constantFrom(BASES[0], BASES[0], BASES[0], BASES[1]),
  background: fc.boolean(),
  pages: fc.integer({ min: 1, max: 4 }),
  startsAt: fc.constantFrom(0, 0, 0, 700, 3_000),
})
const living = caller.map((drawn) => ({ ...drawn, diesAfter: null, patienceMs: null }))
const mortal = fc
  .tuple(
    caller,
    fc.option(fc.integer({ min: 1, max: 3 }), { freq: 3 }),
    fc.constantFrom(100, 600, 1_100, 2_500, 25_000, 25_000, 25_000, 25_000),
  )
  .map(([drawn, diesAfter, patienceMs]) => ({ ...drawn, diesAfter, patienceMs }))
const delays = (...choices: number[]) =>
  fc.array(fc.oneof(fc.constantFrom(...choices), fc.integer({ min: 0, max: 60 })), {
    minLength: 3,
    maxLength: 30,
  })
const anyDelays = delays(0, 1, 5, 40, 40, 300, 999, 1_001, 2_500, 4_000, 9_000)
const faults = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom('lost', 'unanswered', 'late') },
  ),
  { minLength: 1, maxLength: 12 },
)
const freezes = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 2_000, 9_000, 30_000), { minLength: 1, maxLength: 7 })
const flushesFrom = (min: number) => fc.array(fc.integer({ min, max: 9_000 }), { minLength: 1, maxLength: 3 })

/** Further than requests to Redis take here. */
const by = fc.constantFrom(-3_600_000, -60_000, -5_000, -900, 900, 5_000, 60_000, 3_600_000)
const jump = fc.tuple(fc.integer({ min: 2_000, max: 9_000 }), by)

const calm: fc.Arbitrary<LimiterPlan> = fc.record({
  ...constants(CALM),
  callers: fc.array(living, { minLength: 4, maxLength: 10 }),
  delays: delays(0, 1, 5, 40),
})
const rough: fc.Arbitrary<LimiterPlan> = fc.record({
  ...constants(CALM),
  callers: fc.array(mortal, { minLength: 6, maxLength: 10 }),
  delays: anyDelays,
  faults,
  freezes,
})
const forgetful: fc.Arbitrary<LimiterPlan> = fc.record({
  callers: fc.array(
    mortal.map((drawn) => ({ ...drawn, process: 0 })),
    { minLength: 6, maxLength: 10 },
  ),
  delays: anyDelays,
  faults,
  freezes,
  jumps: fc.array(jump, { maxLength: 1 }),
  flushes: flushesFrom(0),
  outage: fc.option(
    fc
      .tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 1, max: 4_000 }))
      .map(([from, length]) => [from, from + length] as const),
  ),
})
const amnesia: fc.Arbitrary<LimiterPlan> = fc.record({
  ...constants(CALM),
  callers: fc
    .array(living, { minLength: 3, maxLength: 7 })
    .map((drawn) => [...[0, 1, 2].map((process) => ({ ...EARLY, process })), ...drawn]),
  delays: delays(0, 1, 5, 40, 100),
  flushes: flushesFrom(2_000),
})
/** Each process has met the budget before. */
const restless: fc.Arbitrary<LimiterPlan> = fc.record({
  ...constants(CALM),
  callers: fc
    .array(living, { minLength: 3, maxLength: 7 })
    .map((drawn) => [...[0, 1, 2].map((process) => ({ ...EARLY, process })), ...drawn]),
  delays: delays(0, 1, 5, 40, 100),
  jumps: fc.array(jump, { minLength: 1, maxLength: 2 }),
})
const EARLY = { base: BASES[0], background: false, pages: 1, diesAfter: null, startsAt: 0, patienceMs: null }

function constants<T extends object>(values: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fc.constant(value)])) as {
    [K in keyof T]: fc.Arbitrary<T[K]>
  }
}

let redis: LuaRedis

beforeAll(async () => {
  redis = await startLuaRedis()
})

/** Lives through plans, checks each history, and that each of these things came about in some of them. */
async function holdsFor(
  plans: fc.Arbitrary<LimiterPlan>,
  seen: readonly (keyof LimiterHistory['during'])[],
  check: (history: LimiterHistory, plan: LimiterPlan) => void = () => undefined,
): Promise<void> {
  const counted = countCoincidences(seen)
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const history = await liveOnLimiter(plan, redis)
      for (const base of BASES) expect(densest(history, base)).toBeLessThanOrEqual(5)
      check(history, plan)
      counted.add(history.during)
    }),
    { numRuns: RUNS },
  )
  // A property proves nothing about what never happened.
  for (const what of seen) expectShare(what, 0.1, counted.counts[what], RUNS)
}

describe('no base gets more than 5 requests in any 1,000 ms', () => {
  it(
    'the limit holds, and every caller is answered, on a calm network',
    async () => {
      await holdsFor(calm, ['waited', 'full'], (history, { callers }) => {
        expect(history.finished).toBe(callers.length)
        expect(history.during.alone).toBe(false)
      })
    },
    TIMEOUT_MS,
  )

  it(
    'the limit holds whatever is late, lost or unanswered, and whichever process dies or is frozen',
    async () => {
      await holdsFor(rough, ['waited', 'gaveUp', 'aborted', 'died', 'lost', 'full', 'frozen'])
    },
    TIMEOUT_MS,
  )

  it(
    'the limit holds for a process alone even if Redis loses its data or is down',
    async () => {
      await holdsFor(forgetful, ['waited', 'gaveUp', 'died', 'lost', 'full', 'frozen', 'forgot', 'alone'])
    },
    TIMEOUT_MS,
  )

  it(
    'the limit holds, and every caller is answered within seconds, if the clock of Redis jumps',
    async () => {
      await holdsFor(restless, ['waited', 'full', 'jumped'], (history, { callers }) => {
        expect(history.finished).toBe(callers.length)
        expect(history.finishedAt).toBeLessThan(40_000)
      })
    },
    TIMEOUT_MS,
  )

  it(
    'the limit holds for processes that used the limiter before, if Redis loses its data and requests do not linger',
    async () => {
      await holdsFor(amnesia, ['waited', 'full', 'forgot'], (history, { callers }) => {
        expect(history.finished).toBe(callers.length)
      })
    },
    TIMEOUT_MS,
  )
})

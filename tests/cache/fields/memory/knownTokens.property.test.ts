/** A memory of tokens that forgets says of nothing that it is current which one that forgets nothing knows to be outdated. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createKnownTokens } from '@/lib/core-services/cache/fields/memory/knownTokens'
import { manualClock } from '@/lib/testing/clock'

const GUARDS = 8
const step = fc.oneof(
  fc.record({ kind: fc.constant('rotate' as const), guard: fc.nat(GUARDS - 1) }),
  fc.record({ kind: fc.constant('tell' as const), guard: fc.nat(GUARDS - 1), late: fc.nat(3) }),
  fc.record({ kind: fc.constant('invalidate' as const), guard: fc.nat(GUARDS - 1) }),
  fc.record({
    kind: fc.constant('prove' as const),
    guards: fc.uniqueArray(fc.nat(GUARDS - 1), { minLength: 1, maxLength: 3 }),
  }),
)

it('known tokens that were forgotten prove no copy that the remembered ones would disprove', () => {
  let forgotten = 0
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.integer({ min: 1, max: 4 }),
      (steps, kept) => {
        const clock = manualClock()
        const [bounded, endless] = [createKnownTokens(clock, kept), createKnownTokens(clock, 1_000)]
        const both = [bounded, endless]
        const tokens = Array.from({ length: GUARDS }, (_, guard) => `${guard}:0`)
        const copies: { tokens: Record<string, string>; at: number }[] = []
        let drawn = 0
        const rotate = (guard: number) => {
          drawn += 1
          tokens[guard] = `${guard}:${drawn}`
        }
        for (const one of steps) {
          clock.advance(1)
          const now = clock.monotonic()
          if (one.kind === 'rotate') rotate(one.guard)
          else if (one.kind === 'tell')
            for (const known of both) known.record(`${one.guard}`, tokens[one.guard] ?? '', now - one.late)
          else if (one.kind === 'invalidate') {
            for (const known of both) known.drop([`${one.guard}`])
            rotate(one.guard)
            for (const known of both) known.drop([`${one.guard}`])
          } else {
            const proved = Object.fromEntries(one.guards.map((guard) => [`${guard}`, tokens[guard] ?? '']))
            for (const [guard, token] of Object.entries(proved))
              for (const known of both) known.record(guard, token, now)
            copies.push({ tokens: proved, at: now })
          }
          for (const { tokens: stored, at } of copies) {
            if (!endless.outdated(stored, at)) continue
            const isServed = !bounded.outdated(stored, at) && at > bounded.forgottenUntil
            expect(isServed).toBe(false)
            if (!bounded.outdated(stored, at)) forgotten += 1
          }
        }
      },
    ),
    { numRuns: 1_000 },
  )
  expect(forgotten).toBeGreaterThan(100)
})

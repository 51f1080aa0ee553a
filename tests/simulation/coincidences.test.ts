import { describe, expect, it } from 'vitest'
import { countCoincidences, isRarerThan } from '../kit/simulation/coincidences'

describe('what has to come about in random runs', () => {
  it('is counted once for each run in which it came about', () => {
    const { counts, add } = countCoincidences(['lost', 'late'])
    add(new Set(['lost']))
    add({ lost: true, late: false })
    expect(counts).toEqual({ lost: 2, late: 0 })
  })

  it.each([
    // 40 of 883 where 44 are expected, 2 of 500 where 6 are: chance.
    [0.05, 40, 883, false],
    [0.0117, 2, 500, false],
    // (1 - 0.025) ^ 500 is 3 in a million, (1 - 0.05) ^ 500 is 7 in a million millions.
    [0.025, 0, 500, false],
    [0.05, 0, 500, true],
    [0.05, 5, 500, true],
    [0.05, 20, 1_000, true],
    [0.05, 30, 1_000, false],
    // So few runs tell nothing, so many tell exactly.
    [0.5, 0, 10, false],
    [0.05, 48_000, 1_000_000, true],
    [0.05, 49_900, 1_000_000, false],
    [0.05, 1_000_000, 1_000_000, false],
  ])('a share of at least %d is contradicted by %d of %d runs: %s', (least, count, runs, contradicted) => {
    expect(isRarerThan(least, count, runs)).toBe(contradicted)
  })
})

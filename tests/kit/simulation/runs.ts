/** How often properties run: `npm test` is quick, `npm run test:all` and a test that is run by its path are thorough. */
import { expect, inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Set by vitest.config.ts: true in `npm test`. */
    quick: boolean
  }
}

const quick = inject('quick')

/** The runs that a property gets: `thorough`, or one in 25 of them in `npm test`. */
export const numberOfRuns = (thorough: number): number => (quick ? Math.ceil(thorough / 25) : thorough)

/** Expects nothing rare, because a property proves nothing about what never happened; few runs tell no shares. */
export function expectNothingRare(rare: readonly string[]): void {
  if (!quick) expect.soft(rare).toEqual([])
}

/** Expects that what is counted came about in more than `least` of the runs (a share, 0 to 1); few runs tell no shares. */
export function expectShare(what: string, share: number, least: number): void {
  if (!quick) expect.soft(share, what).toBeGreaterThan(least)
}

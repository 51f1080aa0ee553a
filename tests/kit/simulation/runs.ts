/** How often properties run: `npm test` is quick, `npm run test:all` and a test that is run by its path are thorough. */
import { expect, inject } from 'vitest'
import { isRarerThan } from './coincidences'

declare module 'vitest' {
  interface ProvidedContext {
    /** Set by vitest.config.ts: true in `npm test`. */
    quick: boolean
  }
}

const quick = inject('quick')

/** The runs that a property gets: `thorough`, or one in 25 of them in `npm test`. */
export const numberOfRuns = (thorough: number): number => (quick ? Math.ceil(thorough / 25) : thorough)

/** Expects that what was counted comes about in at least `least` of all runs (a share, 0 to 1), as far as `runs` can tell. */
export function expectShare(what: string, least: number, count: number, runs: number): void {
  const message = `${what} came about in ${count} of ${runs} runs; at least ${100 * least} % are expected`
  expect.soft(isRarerThan(least, count, runs), message).toBe(false)
}

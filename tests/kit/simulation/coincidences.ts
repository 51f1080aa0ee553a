/** What makes runs worth having: a property proves nothing about what never came about. */

export type Coincidences<Name extends string> = Record<Name, boolean>

/** The record of a run in which none has come about yet. */
export function noCoincidences<Name extends string>(names: readonly Name[]): Coincidences<Name> {
  return Object.fromEntries(names.map((name) => [name, false])) as Coincidences<Name>
}

export interface CoincidenceCounts<Name extends string> {
  /** In how many runs each came about. */
  readonly counts: Record<Name, number>
  add(cameAbout: Coincidences<Name> | ReadonlySet<string>): void
}

export function countCoincidences<Name extends string>(names: readonly Name[]): CoincidenceCounts<Name> {
  const counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
  return {
    counts,
    add(cameAbout) {
      const has = (name: Name) =>
        cameAbout instanceof Set ? cameAbout.has(name) : (cameAbout as Coincidences<Name>)[name]
      for (const name of names) if (has(name)) counts[name] += 1
    },
  }
}

/** How improbable a count has to be before it is taken for more than chance: one in a million. */
const IMPROBABLE = 1e-6

/**
 * Whether something that comes about in at least `least` of all runs (a share, 0 to 1) would hardly ever come about as rarely
 * as in `count` of `runs`. Random runs that are compared with the share itself fail by chance, the more so the fewer they are.
 */
export function isRarerThan(least: number, count: number, runs: number): boolean {
  if (count >= least * runs) return false
  // The lower tail of the binomial distribution; its terms underflow unless they are kept as logarithms.
  let term = runs * Math.log1p(-least)
  let tail = Math.exp(term)
  for (let k = 0; k < count; k++) {
    term += Math.log(((runs - k) * least) / ((k + 1) * (1 - least)))
    tail += Math.exp(term)
  }
  return tail < IMPROBABLE
}

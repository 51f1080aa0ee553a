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
  /** In which part of so many runs each came about, from 0 to 1. */
  shares(runs: number): [name: Name, share: number][]
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
    shares: (runs) => names.map((name) => [name, counts[name] / runs]),
  }
}

/** Time and order of one run: nothing happens but by the scheduler, and every thing that happens has a number. */
import type fc from 'fast-check'

export interface Universe {
  /** The number of the next thing that happens. */
  step(): number
  /** True time, in ms; no process sees it. */
  now(): number
  /** Lets time pass, at least until then. */
  passUntil(time: number): void
  /** Waits for its turn, a millisecond at least; never resolves once the run has had more turns than any sound one needs. */
  turn(label: string): Promise<void>
  /** Resolves when nothing is left to happen. */
  settle(): Promise<void>
  log(line: string): void
  readonly story: readonly string[]
}

/** Sound runs have some hundred turns. */
const MOST_TURNS = 5_000

export function createUniverse(scheduler: fc.Scheduler): Universe {
  let steps = 0
  let time = 0
  let turns = 0
  const story: string[] = []
  return {
    step: () => ++steps,
    now: () => time,
    passUntil: (until) => {
      time = Math.max(time, until)
    },
    async turn(label) {
      turns += 1
      await (turns > MOST_TURNS ? never() : scheduler.schedule(Promise.resolve(), label))
      time += 1
    },
    async settle() {
      // What a turn leads to has happened once the microtasks are done, however many they are.
      for (;;) {
        await new Promise(setImmediate)
        if (scheduler.count() === 0) return
        await scheduler.waitOne()
      }
    },
    log: (line) => {
      story.push(`${String(time).padStart(6)} ms  ${line}`)
    },
    story,
  }
}

/** A promise of its own each time: what waits for a shared one would be kept for ever. */
export const never = (): Promise<never> => new Promise(() => undefined)

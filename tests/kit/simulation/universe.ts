/**
 * Time and order of a run in which anything may overtake anything: nothing happens but by the scheduler, and every thing
 * that happens has a number.
 */
import type fc from 'fast-check'
import { never } from '../clock/deferred'
import type { VirtualTime } from './process'

export interface Universe extends VirtualTime {
  /** The number of the next thing that happens. */
  step(): number
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

  async function turn(label: string): Promise<void> {
    turns += 1
    await (turns > MOST_TURNS ? never() : scheduler.schedule(Promise.resolve(), label))
    time += 1
  }
  function passUntil(until: number): void {
    time = Math.max(time, until)
  }

  return {
    step: () => ++steps,
    now: () => time,
    passUntil,
    turn,
    async sleep(milliseconds, signal) {
      const due = time + milliseconds
      const woken = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
      if (!signal?.aborted) await Promise.race([turn(`a sleep of ${milliseconds} ms`), woken])
      if (!signal?.aborted) passUntil(due)
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

/** Time of a run in which things happen in the order of the times at which they are due, and nothing waits for real. */
import type { VirtualTime } from './process'

export interface Timeline extends VirtualTime {
  /** Ends early, without an error, when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Lets everything happen that is under way; resolves once nothing is left. */
  settle(): Promise<void>
}

interface Sleeper {
  due: number
  wake(): void
}

/** Sound worlds come to rest long before. */
const MOST_STEPS = 20_000

export function createTimeline(): Timeline {
  let time = 0
  let sleepers: Sleeper[] = []

  function insert(sleeper: Sleeper): void {
    const after = sleepers.findIndex(({ due }) => due > sleeper.due)
    if (after < 0) sleepers.push(sleeper)
    else sleepers.splice(after, 0, sleeper)
  }

  return {
    now: () => time,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const end = () => {
          signal?.removeEventListener('abort', end)
          sleepers = sleepers.filter((one) => one !== sleeper)
          resolve()
        }
        const sleeper = { due: time + Math.max(0, milliseconds), wake: end }
        insert(sleeper)
        signal?.addEventListener('abort', end)
      }),
    async settle() {
      for (let step = 0; step < MOST_STEPS; step += 1) {
        // What the last one has led to has happened once the microtasks are done, however many they are.
        await new Promise(setImmediate)
        const next = sleepers.shift()
        if (!next) return
        time = Math.max(time, next.due)
        next.wake()
      }
      throw new Error(`the world does not come to rest: it is at ${time} ms`)
    },
  }
}

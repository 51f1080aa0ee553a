/** The time of one run: what is due happens in its order, and nothing else lets time pass. */
export interface Timeline {
  /** In ms. */
  now(): number
  /** Resolves when so many ms have passed; what is due at the same time happens in the order of asking. */
  pass(milliseconds: number): Promise<void>
  /** Lets all happen that is due, until nothing is left. */
  run(): Promise<void>
}

/** Sound runs have some hundred. */
const MOST_EVENTS = 20_000

export function createTimeline(): Timeline {
  let time = 0
  let due: { at: number; happen: () => void }[] = []
  return {
    now: () => time,
    pass: (milliseconds) =>
      new Promise((happen) => {
        due.push({ at: time + Math.max(milliseconds, 0), happen })
      }),
    async run() {
      for (let events = 0; events < MOST_EVENTS; events += 1) {
        // What an event leads to has happened once the microtasks are done, however many they are.
        await new Promise(setImmediate)
        const [first] = due.toSorted((one, other) => one.at - other.at)
        if (!first) return
        due = due.filter((other) => other !== first)
        time = first.at
        first.happen()
      }
      throw new Error('the run does not end')
    },
  }
}

/** What is asked for side by side, in one tick, travels together. */

export interface Asked<Question, Answer> {
  question: Question
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/** What a batch may have of something, and how much of it a question brings. */
export interface Limit<Question> {
  most: number
  of(question: Question): number
}

/**
 * Collects what is asked for in a tick and hands it on in batches, each within all limits unless a question alone is
 * beyond one.
 */
export function createBatching<Question, Answer>(
  send: (batch: readonly Asked<Question, Answer>[]) => Promise<void>,
  limits: readonly Limit<Question>[],
): (question: Question) => Promise<Answer> {
  let waiting: Asked<Question, Answer>[] = []

  function flush(): void {
    const asked = waiting
    waiting = []
    let batch: Asked<Question, Answer>[] = []
    let taken = limits.map(() => 0)
    for (const one of asked) {
      const brought = limits.map(({ of }) => of(one.question))
      const sums = brought.map((amount, index) => amount + (taken[index] ?? 0))
      const fits = limits.every(({ most }, index) => (sums[index] ?? 0) <= most)
      if (batch.length > 0 && !fits) {
        void send(batch)
        batch = []
      }
      taken = batch.length > 0 ? sums : brought
      batch.push(one)
    }
    void send(batch)
  }

  return (question) =>
    new Promise((resolve, reject) => {
      // Two turns of the microtask queue: what was started side by side gets here one turn apart at most.
      if (waiting.length === 0) queueMicrotask(() => queueMicrotask(flush))
      waiting.push({ question, resolve, reject })
    })
}

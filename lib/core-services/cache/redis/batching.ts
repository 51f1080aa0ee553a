export interface PendingQuestion<Question, Answer> {
  question: Question
  resolve(answer: Answer): void
  reject(error: unknown): void
}

export interface Limit<Question> {
  most: number
  measure(question: Question): number
}

/** Passes the questions of a tick on in batches within all limits. A question beyond a limit travels alone. */
export function createBatching<Question, Answer>(
  send: (batch: readonly PendingQuestion<Question, Answer>[]) => Promise<void>,
  limits: readonly Limit<Question>[],
): (question: Question) => Promise<Answer> {
  let waiting: PendingQuestion<Question, Answer>[] = []

  function flush(): void {
    const asked = waiting
    waiting = []
    let batch: PendingQuestion<Question, Answer>[] = []
    let taken = limits.map(() => 0)
    for (const one of asked) {
      const brought = limits.map(({ measure }) => measure(one.question))
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
      // Two microtasks: what starts side by side arrives here at most one apart.
      if (waiting.length === 0) queueMicrotask(() => queueMicrotask(flush))
      waiting.push({ question, resolve, reject })
    })
}

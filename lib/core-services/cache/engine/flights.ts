/** Single flight within the process: callers of one name share one running piece of work. */
export interface Flights {
  /** Joins the running work of that name, or begins one. */
  join<T>(name: string, work: () => Promise<T>): Promise<T>
  /** The running work of that name, if there is any. */
  running<T>(name: string): Promise<T> | undefined
  /**
   * Begins work after the one that runs under that name, and joins nothing that has begun: what a caller gets was
   * started after its call. Callers with the same key `by` share the one that waits.
   */
  queue<T>(name: string, by: unknown, work: () => Promise<T>): Promise<T>
}

interface Queue {
  running?: Promise<unknown>
  /** The last one in the queue; the others stand before it. */
  waiting?: { promise: Promise<unknown>; by: unknown }
}

export function createFlights(): Flights {
  const running = new Map<string, Promise<unknown>>()
  const queues = new Map<string, Queue>()

  function begin<T>(name: string, queue: Queue, work: () => Promise<T>): Promise<T> {
    const promise = work().finally(() => {
      if (queue.running === promise) delete queue.running
      if (queue.running === undefined && !queue.waiting) queues.delete(name)
    })
    queue.running = promise
    return promise
  }

  return {
    join<T>(name: string, work: () => Promise<T>): Promise<T> {
      const joinable = running.get(name)
      if (joinable !== undefined) return joinable as Promise<T>
      const promise = work().finally(() => running.delete(name))
      running.set(name, promise)
      return promise
    },

    running: <T>(name: string) => running.get(name) as Promise<T> | undefined,

    queue<T>(name: string, by: unknown, work: () => Promise<T>): Promise<T> {
      const queue = queues.get(name) ?? {}
      queues.set(name, queue)
      if (queue.waiting?.by === by && queue.waiting) return queue.waiting.promise as Promise<T>
      const before = queue.waiting?.promise ?? queue.running
      if (before === undefined) return begin(name, queue, work)
      const promise: Promise<T> = before
        .catch(() => undefined)
        .then(() => {
          if (queue.waiting?.promise === promise) delete queue.waiting
          return begin(name, queue, work)
        })
      queue.waiting = { promise, by }
      return promise
    },
  }
}

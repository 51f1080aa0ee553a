/** Within one process. */
export interface SingleFlight {
  run<T>(name: string, work: () => Promise<T>): Promise<T>
  running<T>(name: string): Promise<T> | undefined
  /**
   * Never joins work that has started: the caller's work starts after its call. Callers with the same `by` share the
   * waiting work, so `by` must contain everything in which their requests could differ; see `shareKey`. With
   * `demanding` this caller's work replaces theirs: it serves them, but theirs might not serve it.
   */
  queue<T>(name: string, by: unknown, work: () => Promise<T>, demanding?: boolean): Promise<T>
  queued(name: string): number
}

interface Queue {
  /** Not started yet, by `by`. */
  waiting: Map<unknown, Waiting>
  last: Promise<unknown>
}

interface Waiting {
  work: () => Promise<unknown>
  promise?: Promise<unknown>
}

export function createSingleFlight(): SingleFlight {
  const running = new Map<string, Promise<unknown>>()
  const queues = new Map<string, Queue>()
  const unfinished = new Map<string, number>()

  function begin<T>(name: string, work: () => Promise<T>): Promise<T> {
    const promise = work().finally(() => {
      const left = (unfinished.get(name) ?? 1) - 1
      if (left > 0) unfinished.set(name, left)
      else unfinished.delete(name)
      if (queues.get(name)?.last === promise) queues.delete(name)
    })
    unfinished.set(name, (unfinished.get(name) ?? 0) + 1)
    return promise
  }

  return {
    run<T>(name: string, work: () => Promise<T>): Promise<T> {
      const joinable = running.get(name)
      if (joinable !== undefined) return joinable as Promise<T>
      const promise = work().finally(() => running.delete(name))
      running.set(name, promise)
      return promise
    },

    running: <T>(name: string) => running.get(name) as Promise<T> | undefined,

    queue<T>(name: string, by: unknown, work: () => Promise<T>, demanding = false): Promise<T> {
      const queue = queues.get(name)
      const shared = queue?.waiting.get(by)
      if (shared) {
        if (demanding) shared.work = work
        return shared.promise as Promise<T>
      }
      if (!queue) {
        const last = begin(name, work)
        queues.set(name, { waiting: new Map(), last })
        return last
      }
      const waiting: Waiting = { work }
      const before = queue.last
      const promise = begin(name, async () => {
        await before.catch(() => undefined)
        queue.waiting.delete(by)
        return waiting.work()
      })
      waiting.promise = promise
      queue.waiting.set(by, waiting)
      queue.last = promise
      return promise as Promise<T>
    },

    queued: (name) => unfinished.get(name) ?? 0,
  }
}

/**
 * Single flight within the process: callers of one key share one running fetch.
 *
 * A force must not return anything fetched before it began. So it never joins a fetch that runs, only one that is still
 * to begin: per key there is at most one running and one queued force for the same fetcher. What a key's flights store
 * is stored one after the other; once a force has stored its value, the fetches that had begun before are outdated:
 * nobody joins them any more, and they store nothing.
 */
export interface Flight {
  /** Runs the write when it is this flight's turn; false, without running it, when a force has overtaken the flight. */
  store(write: () => Promise<boolean>): Promise<boolean>
}

export interface Flights {
  /** Joins the key's running fetch, or begins one. */
  join<T>(key: string, fetch: (flight: Flight) => Promise<T>): Promise<T>
  /** Begins a forced fetch, after the one that runs. Callers with the same fetcher share the one that waits. */
  force<T>(key: string, fetcher: unknown, fetch: (flight: Flight) => Promise<T>): Promise<T>
}

interface KeyFlights {
  ordinary?: { promise: Promise<unknown>; overtaken: boolean }
  running?: Promise<unknown>
  /** The last one in the queue; the others stand before it. */
  queued?: { promise: Promise<unknown>; fetcher: unknown }
  /** Settles when all writes so far are over. */
  writes: Promise<unknown>
  users: number
}

export function createFlights(): Flights {
  const byKey = new Map<string, KeyFlights>()

  /** Keeps the record of a key for as long as one of its flights needs it. */
  async function using<T>(key: string, run: (flights: KeyFlights) => Promise<T>): Promise<T> {
    const flights = byKey.get(key) ?? { writes: Promise.resolve(), users: 0 }
    byKey.set(key, flights)
    flights.users += 1
    try {
      return await run(flights)
    } finally {
      flights.users -= 1
      if (flights.users === 0) byKey.delete(key)
    }
  }

  function inTurn<T>(flights: KeyFlights, write: () => Promise<T>): Promise<T> {
    const turn = flights.writes.then(write)
    flights.writes = turn.catch(() => undefined)
    return turn
  }

  function begin<T>(flights: KeyFlights, fetch: (flight: Flight) => Promise<T>): Promise<T> {
    const promise = fetch({
      store: (write) =>
        inTurn(flights, async () => {
          const stored = await write()
          if (stored && flights.ordinary) flights.ordinary.overtaken = true
          if (stored) delete flights.ordinary
          return stored
        }),
    }).finally(() => {
      if (flights.running === promise) delete flights.running
    })
    flights.running = promise
    return promise
  }

  return {
    join<T>(key: string, fetch: (flight: Flight) => Promise<T>): Promise<T> {
      const present = byKey.get(key)
      const joinable = present?.ordinary?.promise ?? present?.running
      if (joinable !== undefined) return joinable as Promise<T>
      return using(key, (flights) => {
        const flight = { promise: Promise.resolve<unknown>(undefined), overtaken: false }
        const promise = fetch({
          store: (write) => inTurn(flights, async () => !flight.overtaken && (await write())),
        }).finally(() => {
          if (flights.ordinary === flight) delete flights.ordinary
        })
        flight.promise = promise
        flights.ordinary = flight
        return promise
      })
    },

    force<T>(key: string, fetcher: unknown, fetch: (flight: Flight) => Promise<T>): Promise<T> {
      const waiting = byKey.get(key)?.queued
      if (waiting?.fetcher === fetcher) return waiting?.promise as Promise<T>
      return using(key, (flights) => {
        const before = flights.queued?.promise ?? flights.running
        if (before === undefined) return begin(flights, fetch)
        const promise = before
          .catch(() => undefined)
          .then(() => {
            if (flights.queued?.promise === promise) delete flights.queued
            return begin(flights, fetch)
          })
        flights.queued = { promise, fetcher }
        return promise
      })
    },
  }
}

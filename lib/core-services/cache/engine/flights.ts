/**
 * Single flight within the process: callers of one key share one running fetch.
 *
 * A force must not return anything fetched before it began. So it never joins a fetch that runs, only one that is
 * still to begin: per key there is at most one running and one queued force. And once a force has stored its value, the
 * ordinary fetches that had begun before are outdated: nobody joins them any more, and they may not store.
 */
export interface Flights {
  /** Joins the key's running fetch, or begins one. `outdated()` turns true when a force has overtaken it. */
  join<T>(key: string, fetch: (outdated: () => boolean) => Promise<T>): Promise<T>
  /** Begins a forced fetch, after the running one if there is one. `stored()` is called when its value is in place. */
  force<T>(key: string, fetch: (stored: () => void) => Promise<T>): Promise<T>
}

interface KeyFlights {
  ordinary?: { promise: Promise<unknown>; outdated: boolean }
  running?: Promise<unknown>
  queued?: Promise<unknown>
}

export function createFlights(): Flights {
  const byKey = new Map<string, KeyFlights>()

  function flightsOf(key: string): KeyFlights {
    const flights = byKey.get(key) ?? {}
    byKey.set(key, flights)
    return flights
  }

  function forgetIfIdle(key: string, flights: KeyFlights): void {
    const idle = !flights.ordinary && flights.running === undefined && flights.queued === undefined
    // An overtaken fetch can end after others have made a new record for the key.
    if (idle && byKey.get(key) === flights) byKey.delete(key)
  }

  function begin<T>(key: string, flights: KeyFlights, fetch: (stored: () => void) => Promise<T>): Promise<T> {
    const promise = fetch(() => {
      if (flights.ordinary) flights.ordinary.outdated = true
      delete flights.ordinary
    }).finally(() => {
      delete flights.running
      forgetIfIdle(key, flights)
    })
    flights.running = promise
    return promise
  }

  return {
    join<T>(key: string, fetch: (outdated: () => boolean) => Promise<T>): Promise<T> {
      const flights = flightsOf(key)
      const joinable = flights.ordinary?.promise ?? flights.running
      if (joinable !== undefined) return joinable as Promise<T>
      const flight = { promise: Promise.resolve<unknown>(undefined), outdated: false }
      flights.ordinary = flight
      const promise = fetch(() => flight.outdated).finally(() => {
        if (flights.ordinary === flight) delete flights.ordinary
        forgetIfIdle(key, flights)
      })
      flight.promise = promise
      return promise
    },

    force<T>(key: string, fetch: (stored: () => void) => Promise<T>): Promise<T> {
      const flights = flightsOf(key)
      if (flights.queued !== undefined) return flights.queued as Promise<T>
      if (flights.running === undefined) return begin(key, flights, fetch)
      const queued = flights.running
        .catch(() => undefined)
        .then(() => {
          delete flights.queued
          return begin(key, flights, fetch)
        })
      flights.queued = queued
      return queued
    },
  }
}

import { describe, expect, it } from 'vitest'
import { createFlights } from '@/lib/core-services/cache/engine/flights'
import { deferred } from '../support/deferred'

const fetcher = () => undefined
const written = async () => true

describe('readers', () => {
  it('share one running fetch of a key, and begin anew afterwards', async () => {
    const flights = createFlights()
    const gate = deferred<number>()
    let fetches = 0
    const fetch = () => {
      fetches += 1
      return gate.promise
    }
    const callers = [flights.join('a', fetch), flights.join('a', fetch), flights.join('b', fetch)]
    gate.resolve(7)
    expect(await Promise.all(callers)).toEqual([7, 7, 7])
    expect(fetches).toBe(2)
    await flights.join('a', fetch)
    expect(fetches).toBe(3)
  })

  it('are all rejected when the fetch fails, and nothing is remembered', async () => {
    const flights = createFlights()
    const gate = deferred<number>()
    const callers = [flights.join('a', () => gate.promise), flights.join('a', () => gate.promise)]
    gate.reject(new Error('down'))
    const outcomes = await Promise.allSettled(callers)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(flights.join('a', async () => 1)).resolves.toBe(1)
  })
})

describe('forces', () => {
  it('begin beside an ordinary fetch, and never join it', async () => {
    const flights = createFlights()
    const old = deferred<string>()
    const reader = flights.join('a', () => old.promise)
    await expect(flights.force('a', fetcher, async () => 'forced')).resolves.toBe('forced')
    old.resolve('read before')
    await expect(reader).resolves.toBe('read before')
  })

  it('run one and queue one; callers who come meanwhile share the queued one', async () => {
    const flights = createFlights()
    const gates = [deferred<string>(), deferred<string>()] as const
    let begun = 0
    const fetch = () => {
      const gate = gates[begun] ?? gates[1]
      begun += 1
      return gate.promise
    }
    const first = flights.force('a', fetcher, fetch)
    const second = flights.force('a', fetcher, fetch)
    const third = flights.force('a', fetcher, fetch)
    expect(begun).toBe(1)
    gates[0].resolve('first')
    await first
    gates[1].resolve('second')
    expect(await Promise.all([second, third])).toEqual(['second', 'second'])
    expect(begun).toBe(2)
  })

  it('with another fetcher get a turn of their own', async () => {
    const flights = createFlights()
    const gate = deferred<string>()
    const order: string[] = []
    const fetch = (name: string) => async () => {
      order.push(name)
      return name
    }
    const running = flights.force('a', fetcher, () => gate.promise)
    const waiting = [
      flights.force('a', 'another', fetch('another')),
      flights.force('a', 'a third', fetch('a third')),
      flights.force('a', 'a third', fetch('not run')),
    ]
    gate.resolve('first')
    expect(await Promise.all([running, ...waiting])).toEqual(['first', 'another', 'a third', 'a third'])
    expect(order).toEqual(['another', 'a third'])
  })

  it('run even if the one before failed', async () => {
    const flights = createFlights()
    const gate = deferred<string>()
    const failing = flights.force('a', fetcher, () => gate.promise)
    const queued = flights.force('a', fetcher, async () => 'mended')
    gate.reject(new Error('down'))
    await expect(failing).rejects.toThrow('down')
    await expect(queued).resolves.toBe('mended')
  })
})

describe('what is stored', () => {
  it('is not what an older fetch brings after a force has stored, and nobody joins that fetch any more', async () => {
    const flights = createFlights()
    const old = deferred<boolean>()
    const reader = flights.join('a', async (flight) => {
      await old.promise
      return flight.store(written)
    })
    await flights.force('a', fetcher, (flight) => flight.store(written))
    const next = flights.join('a', async () => 'fetched after the force')
    old.resolve(true)
    expect(await Promise.all([reader, next])).toEqual([false, 'fetched after the force'])
  })

  it('is the value of the force when an older fetch ends while the force is writing', async () => {
    const flights = createFlights()
    const old = deferred<boolean>()
    const writing = deferred<boolean>()
    const writes: string[] = []
    const reader = flights.join('a', async (flight) => {
      await old.promise
      return flight.store(async () => {
        writes.push('old')
        return true
      })
    })
    const force = flights.force('a', fetcher, (flight) =>
      flight.store(() => {
        writes.push('forced')
        return writing.promise
      }),
    )
    old.resolve(true)
    await Promise.resolve()
    writing.resolve(true)
    expect(await Promise.all([force, reader])).toEqual([true, false])
    expect(writes).toEqual(['forced'])
  })

  it('is the value of the force when it had to wait for the write of an older fetch', async () => {
    const flights = createFlights()
    const writing = deferred<boolean>()
    const writes: string[] = []
    const reader = flights.join('a', (flight) =>
      flight.store(() => {
        writes.push('old')
        return writing.promise
      }),
    )
    const force = flights.force('a', fetcher, (flight) =>
      flight.store(async () => {
        writes.push('forced')
        return true
      }),
    )
    writing.resolve(true)
    expect(await Promise.all([reader, force])).toEqual([true, true])
    expect(writes).toEqual(['old', 'forced'])
  })

  it('stays an older value when the forced one could not be stored', async () => {
    const flights = createFlights()
    const old = deferred<boolean>()
    const reader = flights.join('a', async (flight) => {
      await old.promise
      return flight.store(written)
    })
    await flights.force('a', fetcher, (flight) => flight.store(async () => false))
    old.resolve(true)
    expect(await reader).toBe(true)
  })

  it('does not depend on a write that failed before', async () => {
    const flights = createFlights()
    const failing = flights.force('a', fetcher, (flight) =>
      flight.store(() => Promise.reject(new Error('down'))),
    )
    const next = flights.force('a', 'another', (flight) => flight.store(written))
    await expect(failing).rejects.toThrow('down')
    await expect(next).resolves.toBe(true)
  })

  it('is kept apart from an overtaken fetch that ends late', async () => {
    const flights = createFlights()
    const old = deferred<string>()
    const current = deferred<string>()
    const reader = flights.join('a', () => old.promise)
    await flights.force('a', fetcher, (flight) => flight.store(written))
    const first = flights.join('a', () => current.promise)
    old.resolve('old')
    await reader
    const second = flights.join('a', async () => 'a second fetch')
    current.resolve('shared')
    expect(await Promise.all([first, second])).toEqual(['shared', 'shared'])
  })
})

import { describe, expect, it } from 'vitest'
import { createFlights } from '@/lib/core-services/cache/engine/flights'
import { deferred } from '../support/deferred'

describe('flights', () => {
  it('shares one running fetch between callers of a key, and begins anew afterwards', async () => {
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

  it('rejects every joiner when the fetch fails, and remembers nothing', async () => {
    const flights = createFlights()
    const gate = deferred<number>()
    const callers = [flights.join('a', () => gate.promise), flights.join('a', () => gate.promise)]
    gate.reject(new Error('down'))
    const outcomes = await Promise.allSettled(callers)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(flights.join('a', async () => 1)).resolves.toBe(1)
  })

  it('lets a force begin beside an ordinary fetch, never join it', async () => {
    const flights = createFlights()
    const old = deferred<string>()
    const reader = flights.join('a', () => old.promise)
    await expect(flights.force('a', async () => 'forced')).resolves.toBe('forced')
    old.resolve('read before')
    await expect(reader).resolves.toBe('read before')
  })

  it('runs one force and queues one; callers who come meanwhile share the queued one', async () => {
    const flights = createFlights()
    const gates = [deferred<string>(), deferred<string>()] as const
    let begun = 0
    const fetch = () => {
      const gate = gates[begun] ?? gates[1]
      begun += 1
      return gate.promise
    }
    const first = flights.force('a', fetch)
    const second = flights.force('a', fetch)
    const third = flights.force('a', fetch)
    expect(begun).toBe(1)
    gates[0].resolve('first')
    await first
    gates[1].resolve('second')
    expect(await Promise.all([second, third])).toEqual(['second', 'second'])
    expect(begun).toBe(2)
  })

  it('runs the queued force even if the one before it failed', async () => {
    const flights = createFlights()
    const gate = deferred<string>()
    const failing = flights.force('a', () => gate.promise)
    const queued = flights.force('a', async () => 'mended')
    gate.reject(new Error('down'))
    await expect(failing).rejects.toThrow('down')
    await expect(queued).resolves.toBe('mended')
  })

  it('tells an ordinary fetch that a force has overtaken it, and lets nobody join it any more', async () => {
    const flights = createFlights()
    const old = deferred<string>()
    let overtaken: () => boolean = () => false
    const reader = flights.join('a', (asked) => {
      overtaken = asked
      return old.promise
    })
    await flights.force('a', async (stored) => stored())
    expect(overtaken()).toBe(true)
    const next = flights.join('a', async () => 'fetched after the force')
    old.resolve('read before')
    expect(await Promise.all([reader, next])).toEqual(['read before', 'fetched after the force'])
  })

  it('does not overtake anybody when the forced value could not be stored', async () => {
    const flights = createFlights()
    const old = deferred<string>()
    const reader = flights.join('a', () => old.promise)
    await flights.force('a', async () => 'not stored')
    const joiner = flights.join('a', async () => 'another')
    old.resolve('read before')
    expect(await Promise.all([reader, joiner])).toEqual(['read before', 'read before'])
  })

  it('keeps the flights of a key apart from an overtaken one that ends late', async () => {
    const flights = createFlights()
    const old = deferred<string>()
    const current = deferred<string>()
    const reader = flights.join('a', () => old.promise)
    await flights.force('a', async (stored) => stored())
    const first = flights.join('a', () => current.promise)
    old.resolve('old')
    await reader
    const second = flights.join('a', async () => 'a second fetch')
    current.resolve('shared')
    expect(await Promise.all([first, second])).toEqual(['shared', 'shared'])
  })
})

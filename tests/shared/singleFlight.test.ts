import { describe, expect, it } from 'vitest'
import { createSingleFlight } from '@/lib/shared/singleFlight'
import { deferred } from '../kit/clock/deferred'

const fetcher = () => undefined

describe('readers', () => {
  it('callers of run share one running fetch of a name, and start anew afterwards', async () => {
    const singleFlight = createSingleFlight()
    const gate = deferred<number>()
    let fetches = 0
    const fetch = () => {
      fetches += 1
      return gate.promise
    }
    const callers = [singleFlight.run('a', fetch), singleFlight.run('a', fetch), singleFlight.run('b', fetch)]
    gate.resolve(7)
    expect(await Promise.all(callers)).toEqual([7, 7, 7])
    expect(fetches).toBe(2)
    await singleFlight.run('a', fetch)
    expect(fetches).toBe(3)
  })

  it('all callers of run are rejected when the fetch fails, and the failure is not remembered', async () => {
    const singleFlight = createSingleFlight()
    const gate = deferred<number>()
    const callers = [singleFlight.run('a', () => gate.promise), singleFlight.run('a', () => gate.promise)]
    gate.reject(new Error('down'))
    const outcomes = await Promise.allSettled(callers)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(singleFlight.run('a', async () => 1)).resolves.toBe(1)
  })
})

describe('queued work', () => {
  it('queued work starts beside joined work, and never joins it', async () => {
    const singleFlight = createSingleFlight()
    const old = deferred<string>()
    const reader = singleFlight.run('a', () => old.promise)
    await expect(singleFlight.queue('a', fetcher, async () => 'forced')).resolves.toBe('forced')
    old.resolve('read before')
    await expect(reader).resolves.toBe('read before')
  })

  it('one piece of queued work runs and one waits, which later callers share', async () => {
    const singleFlight = createSingleFlight()
    const gates = [deferred<string>(), deferred<string>()] as const
    let begun = 0
    const fetch = () => {
      const gate = gates[begun] ?? gates[1]
      begun += 1
      return gate.promise
    }
    const first = singleFlight.queue('a', fetcher, fetch)
    const second = singleFlight.queue('a', fetcher, fetch)
    const third = singleFlight.queue('a', fetcher, fetch)
    expect(begun).toBe(1)
    gates[0].resolve('first')
    await first
    gates[1].resolve('second')
    expect(await Promise.all([second, third])).toEqual(['second', 'second'])
    expect(begun).toBe(2)
  })

  it('queued work with another fetcher gets a turn of its own', async () => {
    const singleFlight = createSingleFlight()
    const gate = deferred<string>()
    const order: string[] = []
    const fetch = (name: string) => async () => {
      order.push(name)
      return name
    }
    const running = singleFlight.queue('a', fetcher, () => gate.promise)
    const waiting = [
      singleFlight.queue('a', 'another', fetch('another')),
      singleFlight.queue('a', 'a third', fetch('a third')),
      singleFlight.queue('a', 'a third', fetch('not run')),
    ]
    gate.resolve('first')
    expect(await Promise.all([running, ...waiting])).toEqual(['first', 'another', 'a third', 'a third'])
    expect(order).toEqual(['another', 'a third'])
  })

  it('queued work runs even if the one before failed', async () => {
    const singleFlight = createSingleFlight()
    const gate = deferred<string>()
    const failing = singleFlight.queue('a', fetcher, () => gate.promise)
    const queued = singleFlight.queue('a', fetcher, async () => 'mended')
    gate.reject(new Error('down'))
    await expect(failing).rejects.toThrow('down')
    await expect(queued).resolves.toBe('mended')
  })
})

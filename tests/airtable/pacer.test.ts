import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPacer } from '@/lib/core-services/airtable/pacer'

const clock = { monotonic: () => Date.now() }

describe('pacer', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('lets one request to a base pass in each interval, in the order of asking', async () => {
    const pacer = createPacer(220, clock)
    const passed: [number, string][] = []
    for (const name of ['a', 'b', 'c']) void pacer.turn('app1').then(() => passed.push([Date.now(), name]))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(passed).toEqual([
      [0, 'a'],
      [220, 'b'],
      [440, 'c'],
    ])
  })

  it('never lets more than 5 pass in any second', async () => {
    const pacer = createPacer(220, clock)
    const times: number[] = []
    for (let index = 0; index < 30; index += 1) void pacer.turn('app1').then(() => times.push(Date.now()))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(times).toHaveLength(30)
    const densest = Math.max(
      ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length),
    )
    expect(densest).toBe(5)
  })

  it('does not make bases wait for each other', async () => {
    const pacer = createPacer(220, clock)
    await Promise.all([pacer.turn('app1'), pacer.turn('app2')])
    expect(Date.now()).toBe(0)
  })

  it('lets an aborted waiter go at once', async () => {
    const pacer = createPacer(220, clock)
    await pacer.turn('app1')
    const abort = new AbortController()
    const waiting = pacer.turn('app1', abort.signal)
    abort.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    expect(Date.now()).toBe(0)
  })
})

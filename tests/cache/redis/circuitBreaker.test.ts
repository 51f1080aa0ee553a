import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Breaker, createBreaker } from '@/lib/core-services/cache/redis/transport/circuitBreaker'
import { type ManualClock, manualClock } from '@/lib/testing/clock'
import { type RecordedEvents, recordEvents } from '@/lib/testing/events'
import { deferred } from '../../kit/clock/deferred'

const options = { failureThreshold: 5, windowMs: 300_000, recoveryMs: 60_000, halfOpenProbes: 3 }
const steering = new Error('this page is prerendered')
const isControlFlow = (error: unknown) => error === steering
let clock: ManualClock
let events: RecordedEvents
let probe: ReturnType<typeof vi.fn<() => Promise<void>>>
let background: Promise<void>[]
let breaker: Breaker

beforeEach(() => {
  clock = manualClock()
  events = recordEvents()
  probe = vi.fn(async () => undefined)
  background = []
  const defer = (work: () => Promise<void>) => background.push(work()) > 0
  breaker = createBreaker(options, { clock, emit: events.emit, defer, isControlFlow }, probe)
})

const fail = (times: number) => {
  for (let count = 0; count < times; count += 1) breaker.failed()
}

describe('circuit breaker', () => {
  it('a circuit opens at the threshold of failures in a row, and then admits no request', () => {
    fail(4)
    expect(breaker.admits()).toBe(true)
    fail(1)
    expect([breaker.state, breaker.admits()]).toEqual(['open', false])
  })

  it('a circuit forgets failures after a success, and failures older than the window', () => {
    fail(4)
    breaker.succeeded()
    fail(4)
    clock.advance(300_000)
    fail(4)
    expect(breaker.state).toBe('closed')
  })

  it('an open circuit is probed in the background after the pause, and still refuses the first caller', async () => {
    fail(5)
    clock.advance(59_999)
    expect(breaker.admits()).toBe(false)
    expect(probe).not.toHaveBeenCalled()
    clock.advance(1)
    expect([breaker.admits(), breaker.admits(), breaker.state]).toEqual([false, false, 'half-open'])
    await Promise.all(background)
    expect(probe).toHaveBeenCalledTimes(3)
    expect([breaker.state, breaker.admits()]).toEqual(['closed', true])
  })

  it('a circuit opens for another pause when a probe fails', async () => {
    fail(5)
    clock.advance(60_000)
    probe.mockRejectedValueOnce(new Error('still down'))
    breaker.admits()
    await Promise.all(background)
    expect([probe.mock.calls.length, breaker.state]).toEqual([1, 'open'])
    clock.advance(59_999)
    breaker.admits()
    expect(breaker.state).toBe('open')
  })

  it('an open circuit is probed by the next request when the framework kept a probe from being sent', async () => {
    fail(5)
    clock.advance(60_000)
    probe.mockRejectedValueOnce(steering)
    breaker.admits()
    await Promise.all(background)
    expect([breaker.state, breaker.admits()]).toEqual(['open', false])
    await Promise.all(background)
    expect(breaker.state).toBe('closed')
  })

  it('an open circuit is probed while deferred work still waits for a streaming response', async () => {
    breaker = createBreaker(
      options,
      { clock, emit: events.emit, defer: () => undefined, isControlFlow },
      probe,
    )
    fail(5)
    clock.advance(60_000)
    expect(breaker.admits()).toBe(false)
    await expect.poll(() => breaker.state).toBe('closed')
  })

  it('a circuit closes when probes succeed that took longer than a pause', async () => {
    const slow = deferred<void>()
    probe.mockImplementation(() => slow.promise)
    fail(5)
    for (let minute = 0; minute < 3; minute += 1) {
      clock.advance(60_000)
      breaker.admits()
    }
    expect(breaker.state).toBe('half-open')
    slow.resolve()
    await Promise.all(background)
    expect(breaker.state).toBe('closed')
  })

  it('an open circuit is probed anew when probes never end, and ignores their late outcome', async () => {
    fail(5)
    clock.advance(60_000)
    const late = deferred<void>()
    probe.mockImplementationOnce(() => late.promise)
    expect([breaker.admits(), breaker.state]).toEqual([false, 'half-open'])
    clock.advance(59_999)
    breaker.admits()
    expect(probe).toHaveBeenCalledTimes(1)
    clock.advance(1)
    expect(breaker.admits()).toBe(false)
    await expect.poll(() => breaker.state).toBe('closed')
    late.reject(new Error('too late'))
    await Promise.all(background)
    expect(breaker.state).toBe('closed')
  })

  it('a circuit can be opened and reset by hand, and keeps its last 50 transitions', () => {
    for (let round = 0; round < 40; round += 1) {
      breaker.forceOpen()
      breaker.reset()
    }
    expect(breaker.transitions).toHaveLength(50)
    expect(breaker.transitions.at(-1)).toMatchObject({ from: 'open', to: 'closed', at: clock.now() })
    expect(events.of('breaker.changed')).toHaveLength(80)
  })
})

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startDeadline } from '@/lib/shared/deadline'

describe('a deadline that counts only the time of listening', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** How long the timers of a busy process run late, in ms. */
  let busy = 0
  const clock = { monotonic: () => Date.now() + busy }

  it('a deadline expires on time in a process that is not busy', () => {
    busy = 0
    const expire = vi.fn()
    startDeadline(250, clock, expire)
    vi.advanceTimersByTime(249)
    expect(expire).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(expire).toHaveBeenCalledOnce()
  })

  it('a deadline gives back the time in which the process was busy', () => {
    busy = 0
    const expire = vi.fn()
    startDeadline(250, clock, expire)
    busy = 100
    vi.advanceTimersByTime(250)
    expect(expire).not.toHaveBeenCalled()
    vi.advanceTimersByTime(100)
    expect(expire).toHaveBeenCalledOnce()
  })

  it('a deadline never gives back more than its own length', () => {
    busy = 0
    const expire = vi.fn()
    startDeadline(250, clock, expire)
    busy = 60_000
    vi.advanceTimersByTime(500)
    expect(expire).toHaveBeenCalledOnce()
  })

  it('a deadline expires although each timer is late, since it gives back time only once', () => {
    busy = 0
    const expire = vi.fn()
    startDeadline(250, clock, expire)
    vi.advanceTimersByTime(220)
    for (let turn = 0; turn < 4; turn += 1) {
      busy += 30
      vi.advanceTimersByTime(30)
    }
    expect(expire).toHaveBeenCalledOnce()
  })

  it('an extended deadline counts from when it would have expired', () => {
    busy = 0
    const expire = vi.fn()
    const deadline = startDeadline(250, clock, expire)
    vi.advanceTimersByTime(200)
    deadline.extend(1_000)
    vi.advanceTimersByTime(1_049)
    expect(expire).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(expire).toHaveBeenCalledOnce()
  })

  it('a cancelled deadline does not expire', () => {
    busy = 0
    const expire = vi.fn()
    startDeadline(250, clock, expire).cancel()
    vi.advanceTimersByTime(1_000)
    expect(expire).not.toHaveBeenCalled()
  })
})

/** The two clocks of a process: the wall clock, which instances can compare, and the monotonic one for durations. */

import { timerMs } from './durations'

export interface Clock {
  /**
   * Wall clock in ms since 1970, comparable between instances. Only read it after `atRequest`, Redis or a source was
   * awaited: Next refuses `Date.now()` in a prerender before that.
   */
  now(): number
  /** Monotonic clock in ms, for durations and deadlines of this process. */
  monotonic(): number
  /** Ends early, without an error, when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** The same moment by both clocks, in ms: a process that is frozen finds one of them standing where it was. */
export interface Instant {
  readonly monotonic: number
  readonly wall: number
}

export const currentInstant = (clock: Pick<Clock, 'monotonic' | 'now'>): Instant => ({
  monotonic: clock.monotonic(),
  wall: clock.now(),
})

/** How many ms have passed since then by the clock that has gone further: one of them may have stood still meanwhile. */
export const passedSince = (clock: Pick<Clock, 'monotonic' | 'now'>, then: Instant): number =>
  Math.max(clock.monotonic() - then.monotonic, clock.now() - then.wall)

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, timerMs(milliseconds))
      signal?.addEventListener('abort', wake, { once: true })
    }),
}

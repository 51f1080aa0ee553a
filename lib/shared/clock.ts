import { timerMs } from './durations'

export interface Clock {
  /**
   * Wall clock in ms since 1970, comparable between instances. Only read it after `atRequest`, Redis or a source was
   * awaited: Next refuses `Date.now()` in a prerender before that.
   */
  now(): number
  /** In ms. */
  monotonic(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** One moment by both clocks, in ms: while a process is frozen, one of them may stop. */
export interface Instant {
  readonly monotonic: number
  readonly wall: number
}

export const currentInstant = (clock: Pick<Clock, 'monotonic' | 'now'>): Instant => ({
  monotonic: clock.monotonic(),
  wall: clock.now(),
})

/** By the clock that has advanced further: the other may have stopped meanwhile. */
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

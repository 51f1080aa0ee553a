/** Clocks that tests move. */
import type { Clock } from '../shared/clock'

export interface ManualClock extends Clock {
  /** In ms, both clocks. */
  advance(milliseconds: number): void
}

/** Stands still until it is advanced. A `sleep` advances it at once. `startsAt`: its first wall time, ms since 1970. */
export function manualClock(startsAt = Date.UTC(2026, 0, 1)): ManualClock {
  let elapsed = 0
  return {
    now: () => startsAt + elapsed,
    monotonic: () => elapsed,
    sleep: async (milliseconds) => {
      elapsed += milliseconds
    },
    advance(milliseconds) {
      elapsed += milliseconds
    },
  }
}

export interface AlarmClock extends ManualClock {
  readonly sleepers: number
}

/** Stands still until it is advanced, which ends the sleeps that are due by then. `startsAt`: as for `manualClock`. */
export function alarmClock(startsAt?: number): AlarmClock {
  const clock = manualClock(startsAt)
  const sleeping = new Set<{ due: number; wake: () => void }>()
  return {
    ...clock,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const wake = () => {
          sleeping.delete(sleeper)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const sleeper = { due: clock.monotonic() + milliseconds, wake }
        sleeping.add(sleeper)
        signal?.addEventListener('abort', wake, { once: true })
      }),
    advance(milliseconds) {
      clock.advance(milliseconds)
      for (const { due, wake } of [...sleeping]) if (due <= clock.monotonic()) wake()
    },
    get sleepers() {
      return sleeping.size
    },
  }
}

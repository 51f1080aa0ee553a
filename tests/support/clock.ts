import type { Clock } from '@/lib/core-services/cache/engine/ports'

export interface ManualClock extends Clock {
  /** Moves both clocks on, in ms. */
  advance(milliseconds: number): void
}

/** Stands still until it is advanced, or somebody sleeps. The wall clock begins on 1 January 2026. */
export function manualClock(): ManualClock {
  let elapsed = 0
  return {
    now: () => Date.UTC(2026, 0, 1) + elapsed,
    monotonic: () => elapsed,
    sleep: async (milliseconds) => {
      elapsed += milliseconds
    },
    advance(milliseconds) {
      elapsed += milliseconds
    },
  }
}

/** Stands still until it is advanced, which ends the sleeps that are due by then. */
export function alarmClock(): ManualClock & { readonly sleepers: number } {
  const clock = manualClock()
  const sleeping = new Set<{ due: number; wake: () => void }>()
  return {
    ...clock,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const sleeper = { due: clock.monotonic() + milliseconds, wake: resolve }
        if (signal?.aborted) return resolve()
        sleeping.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleeping.delete(sleeper)
          resolve()
        })
      }),
    advance(milliseconds) {
      clock.advance(milliseconds)
      for (const sleeper of [...sleeping].filter(({ due }) => due <= clock.monotonic())) {
        sleeping.delete(sleeper)
        sleeper.wake()
      }
    },
    get sleepers() {
      return sleeping.size
    },
  }
}

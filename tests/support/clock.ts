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

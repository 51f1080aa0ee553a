/** A clock on which the waits of webhooks take no time, for tests of the whole app with real servers. */
import { type Clock, systemClock } from '@/lib/shared/clock'

/** What is waited until Airtable's reads show a change; the deadlines of a process are shorter or longer. */
const SKIPPED_MS = [1_000, 2_100] as const
/** Other pauses and deadlines become this many times shorter. */
const TIMES = 10

/** Real time that goes ahead by what is skipped. */
export function createSkippingClock(): Clock {
  let skipped = 0
  return {
    now: () => systemClock.now() + skipped,
    monotonic: () => systemClock.monotonic() + skipped,
    async sleep(milliseconds, signal) {
      const [least, most] = SKIPPED_MS
      if (milliseconds < least || milliseconds > most) return systemClock.sleep(milliseconds / TIMES, signal)
      await systemClock.sleep(0, signal)
      if (!signal?.aborted) skipped += milliseconds
    },
  }
}

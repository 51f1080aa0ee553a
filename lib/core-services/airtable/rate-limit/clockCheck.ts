/**
 * Notices when the clock of Redis moves on by more time than has passed between two answers. That time counts from the
 * first request to the second answer, so a slow network never looks like a jump.
 */
import { type Clock, type Instant, passedSince } from '../../../shared/clock'
import type { ClockJump, RedisTime } from './rateLimitStore'

/** The error of timers and of steps of 1 ms, in ms. `DRIFT`: the share by which two correct clocks may differ. */
const TOLERANCE_MS = 25
const DRIFT = 0.001

export interface ClockWatch {
  /**
   * Call it with each answer and the time its request was sent. Returns a jump that Redis did not know. The permit in
   * that answer must not be used.
   */
  compare(time: RedisTime, sentAt: Instant): ClockJump | undefined
}

export function createClockWatch(clock: Pick<Clock, 'monotonic' | 'now'>): ClockWatch {
  let last: { time: RedisTime; sentAt: Instant } | undefined
  /** The last jump, for answers that were on their way when it was noticed. `after`: the clock before it. */
  let latest: { jump: ClockJump; after: number } | undefined

  return {
    compare(time, sentAt) {
      if (latest?.jump.from === time.skew && time.at > latest.after) return latest.jump
      const before = last
      if (before && time.skew === before.time.skew && time.at < before.time.at) return undefined
      last = { time, sentAt }
      if (!before) return undefined
      const passed = passedSince(clock, before.sentAt)
      const ahead = Math.floor(time.at - before.time.at - (time.skew - before.time.skew) - passed)
      if (ahead <= TOLERANCE_MS + DRIFT * passed) return undefined
      latest = { jump: { from: time.skew, to: time.skew + ahead }, after: before.time.at }
      return latest.jump
    },
  }
}

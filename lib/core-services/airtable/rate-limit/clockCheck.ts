/**
 * Notices when the clock of Redis goes ahead: between two answers it has moved on by more than has really passed. What has
 * passed is counted from the sending of the first request to the arrival of the second answer, so a slow network is never
 * taken for a jump; a jump that is shorter than what the requests took is not noticed.
 */
import { type Clock, type Instant, passedSince } from '../../../shared/clock'
import type { ClockJump, RedisTime } from './rateLimitStore'

/** Steps of a ms and timers, in ms; and the share by which two clocks may differ that nothing is wrong with. */
const TOLERANCE_MS = 25
const DRIFT = 0.001

export interface ClockWatch {
  /**
   * Told of each answer, and when its request was sent. Answers the jump that came before it and that Redis had not been
   * told of: what the answer allows is not to be relied on.
   */
  compare(time: RedisTime, sentAt: Instant): ClockJump | undefined
}

export function createClockWatch(clock: Pick<Clock, 'monotonic' | 'now'>): ClockWatch {
  let last: { time: RedisTime; sentAt: Instant } | undefined
  /** The latest one, for answers that were under way when it was noticed. `after`: what the clock showed before it. */
  let latest: { jump: ClockJump; after: number } | undefined

  return {
    compare(time, sentAt) {
      if (latest?.jump.from === time.skew && time.at > latest.after) return latest.jump
      const before = last
      // One to an earlier request can come later.
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

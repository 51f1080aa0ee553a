/**
 * Options are refused under their own names when they cannot be meant. Values that the engine computes or a source
 * sends are rounded and bounded.
 */

import { describeValue } from './text'

/** A century: a longer time has the wrong unit. */
export const MOST_SECONDS = 100 * 365 * 86_400
/** The platform's timers take 31 bits of ms, and fire at once when given more. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1
/** The lease of a process that dies blocks others for this long at most. */
const LONGEST_REFRESH_MS = 3_600_000
/** In s, as asked for by a source. */
const LONGEST_REST_SECONDS = 86_400
/** Times further apart, in ms, have different units. */
const TEN_YEARS_MS = 10 * 365 * 86_400_000

/** Why a number of seconds cannot be an option. `fraction` allows 0 and parts of a second. */
export function secondsProblem(
  option: string,
  seconds: unknown,
  { fraction = false }: { fraction?: boolean } = {},
): string | undefined {
  if (!isAtLeast(seconds, fraction ? 0 : 1) || !(fraction || Number.isInteger(seconds)))
    return `${option} is ${describeValue(seconds)}, not a ${fraction ? '' : 'positive whole '}number of seconds`
  return seconds <= MOST_SECONDS
    ? undefined
    : `${option} is ${seconds} seconds, more than a century: give seconds, not ms`
}

/** Why a number of ms cannot be a deadline; Infinity is allowed. `least`: in ms. */
export function deadlineProblem(option: string, milliseconds: unknown, least: number): string | undefined {
  if (
    milliseconds === undefined ||
    isAtLeast(milliseconds, least) ||
    milliseconds === Number.POSITIVE_INFINITY
  )
    return undefined
  return isAtLeast(milliseconds, 0) && milliseconds > 0
    ? `${option} is ${milliseconds} ms, ${least} at least: give ms, not seconds`
    : `${option} is ${describeValue(milliseconds)}, not a positive number of ms`
}

/** Why a number is not a time in ms since 1970, if that can be seen. */
export function timeProblem(time: unknown, now: number): string | undefined {
  if (typeof time !== 'number' || !Number.isFinite(time)) return 'no time in ms since 1970'
  const asSeconds = Math.abs(time * 1000 - now) < TEN_YEARS_MS && Math.abs(time - now) > TEN_YEARS_MS
  return asSeconds ? 'a time in seconds since 1970, not in ms' : undefined
}

export const refreshDeadline = (milliseconds: number): number =>
  Math.min(Math.ceil(milliseconds), LONGEST_REFRESH_MS)

export const timerMs = (milliseconds: number): number => Math.min(milliseconds, LONGEST_TIMER_MS)

/** For a source's Retry-After; undefined for an unusable number. */
export function toRetrySeconds(seconds: number | undefined): number | undefined {
  return isAtLeast(seconds, 0) && seconds > 0 ? Math.min(Math.ceil(seconds), LONGEST_REST_SECONDS) : undefined
}

function isAtLeast(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= least
}

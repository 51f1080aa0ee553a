import { hasCode } from '../../../shared/errors'

/**
 * How many times the same page is requested again. A rate limit lasts 30 s, a second deadline would take the whole
 * refresh, and no retry helps against a spent quota, a refused key or a wrong name.
 */
const MAX_RETRIES: Readonly<Record<string, number>> = { AIRTABLE_UNAVAILABLE: 2 }

export const MAX_RESTARTS = 2

/** Whether a later read can go on from the same page. */
export const canPass = (error: unknown): boolean =>
  hasCode(error, 'AIRTABLE_RATE_LIMITED', 'AIRTABLE_UNAVAILABLE', 'AIRTABLE_TIMEOUT')

const FIRST_PAUSE_MS = 500
/** A longer wait ends the read, and its error says when to come back. */
const LONGEST_PAUSE_SECONDS = 5

/** Returns undefined for no retry. `failures`: of this page, from 1. */
export function retryPauseMs(
  code: string,
  failures: number,
  retryAfter: number | undefined,
  random: () => number,
): number | undefined {
  if (failures > (MAX_RETRIES[code] ?? 0)) return undefined
  if (retryAfter !== undefined) return retryAfter > LONGEST_PAUSE_SECONDS ? undefined : retryAfter * 1000
  return FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + random() / 2)
}

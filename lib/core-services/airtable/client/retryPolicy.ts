/** What is retried within one read. Every other error ends the read at once. */
import { hasCode } from '../../../shared/errors'

/**
 * How many times the same page is requested again. A server error or a broken connection passes. A rate limit refuses every
 * request for 30 s, a second deadline would take the whole refresh, and no retry helps against a spent quota, a refused key
 * or a wrong name.
 */
const MAX_RETRIES: Readonly<Record<string, number>> = { AIRTABLE_UNAVAILABLE: 2 }

/** How many times a read starts over from its first page after Airtable has lost the list. */
export const MAX_RESTARTS = 2

/** Whether an error passes by itself, so that a later read can go on from the same page. */
export const canPass = (error: unknown): boolean =>
  hasCode(error, 'AIRTABLE_RATE_LIMITED', 'AIRTABLE_UNAVAILABLE', 'AIRTABLE_TIMEOUT')

const FIRST_PAUSE_MS = 500
/** Asked to wait longer than this, the read ends, and its error says when to come back. */
const LONGEST_PAUSE_SECONDS = 5

/** The pause before a retry, in ms; undefined for no retry. `failures`: of this page, from 1. */
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

/** What is tried again within one read. Whatever is not named here ends the read at once. */
import { hasCode } from '../../../shared/errors'

/**
 * Asked for again, and how often. A server error or a broken connection passes; a read is safe to repeat. Not a rate
 * limit: every request within its 30 s is refused, too. Not a deadline: it would take the whole refresh. Not a spent
 * quota, a refused key or a wrong name: no request mends them.
 */
const SAME_PAGE_AGAIN: Readonly<Record<string, number>> = { AIRTABLE_UNAVAILABLE: 2 }

/** How often a read begins again from its first page, its pages so far being worth nothing without the rest. */
export const MOST_RESTARTS = 2

/** What passes by itself, so that it is worth going on from the page where it happened. */
export const canPass = (error: unknown): boolean =>
  hasCode(error, 'AIRTABLE_RATE_LIMITED', 'AIRTABLE_UNAVAILABLE', 'AIRTABLE_TIMEOUT')

const FIRST_PAUSE_MS = 500
/** A server that asks for a longer rest gets it: the read ends, and its error says when to come back. */
const LONGEST_PAUSE_SECONDS = 5

/** The pause before a page is asked for again, in ms; undefined when it is not. `failures`: of this page, from 1. */
export function retryPauseMs(
  code: string,
  failures: number,
  retryAfter: number | undefined,
  random: () => number,
): number | undefined {
  if (failures > (SAME_PAGE_AGAIN[code] ?? 0)) return undefined
  if (retryAfter !== undefined) return retryAfter > LONGEST_PAUSE_SECONDS ? undefined : retryAfter * 1000
  return FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + random() / 2)
}

/** The times of a run. */

/** Until a reader that has something to serve stops waiting for Redis, in ms. */
export const SOFT_DEADLINE_MS = 40
/** Until a fetch is given up, in ms. */
export const FETCH_TIMEOUT_MS = 1_000
/** Past what is served at all, stale-if-error included, in s. */
export const STALE_SECONDS = 2

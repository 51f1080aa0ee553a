import type { UpstashCounters } from './counters'
import type { RestAnswer } from './types'

/** Where the counters are read (GET) and reset (DELETE), without a token and without being counted. */
export const STATS_PATH = '/__local/stats'

const RESET_PATH = `${STATS_PATH}/reset`

export function isStatsPath(path: string): boolean {
  return path === STATS_PATH || path === RESET_PATH
}

/** The counters as JSON, after resetting them for DELETE, or POST to `…/reset`. */
export function answerStats(
  method: string | undefined,
  path: string,
  counters: UpstashCounters,
  reset: () => void,
): RestAnswer {
  const resets = path === RESET_PATH ? method === 'POST' : method === 'DELETE'
  if (resets) reset()
  else if (path === RESET_PATH || method !== 'GET') {
    return { status: 405, body: JSON.stringify({ error: 'method not allowed' }) }
  }
  return { status: 200, body: JSON.stringify(counters) }
}

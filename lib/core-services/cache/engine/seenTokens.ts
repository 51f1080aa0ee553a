/**
 * The tokens that this process has seen last for a key. A fetch that began under other ones need not be stored: no
 * reader would take it, and it could stand in the place of something better.
 */
import type { Token } from './tokens'

export interface SeenTokens {
  /** `at`: monotonic clock, ms, when the request was sent that proved them. */
  note(key: string, tokens: readonly Token[], at: number): void
  /** True when other tokens were seen later than `at`. */
  outdated(key: string, tokens: readonly Token[], at: number): boolean
}

/** Forgetting one only costs a fetch. */
const KEPT = 10_000

export function createSeenTokens(): SeenTokens {
  const seen = new Map<string, { tokens: string; at: number }>()
  return {
    note(key, tokens, at) {
      if ((seen.get(key)?.at ?? Number.NEGATIVE_INFINITY) > at) return
      seen.delete(key)
      seen.set(key, { tokens: tokens.join(), at })
      const [oldest] = seen.keys()
      if (seen.size > KEPT && oldest !== undefined) seen.delete(oldest)
    },
    outdated(key, tokens, at) {
      const last = seen.get(key)
      return last !== undefined && last.at > at && last.tokens !== tokens.join()
    },
  }
}

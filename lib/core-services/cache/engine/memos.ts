/** What this process remembers of a field besides its value. Forgetting any of it costs a command or a fetch, no more. */
import type { Token } from './tokens'

export interface Memo {
  /** The tokens that were seen last. `at`: monotonic clock, ms, when the request was sent that proved them. */
  seen?: { tokens: string; at: number }
  /** The guards that the last value depended on, so that the next look asks for them in the same command. */
  dependencies?: readonly string[]
  /** Somebody else stores this field in a shape that our schema refuses: we keep ours aside. */
  aside?: boolean
  /** Until when (monotonic, ms) a flight is left alone: its source fails (with this code), or somebody else fetches. */
  quiet?: { flight: string; until: number; code: string | null }
  /** The lease that was sent last: found again in Redis it is ours, even if the answer was lost. */
  lease?: { name: string; holder: Token; sentAt: number }
}

export interface Memos {
  of(place: string): Memo
  noteTokens(place: string, tokens: readonly Token[], at: number): void
  /**
   * True when other tokens were seen later than `at`: a fetch that began under these need not be stored. No reader would
   * take it, and it could stand in the place of something better.
   */
  outdated(place: string, tokens: readonly Token[], at: number): boolean
}

const KEPT = 10_000

export function createMemos(): Memos {
  const memos = new Map<string, Memo>()

  function of(place: string): Memo {
    const memo = memos.get(place) ?? {}
    memos.delete(place)
    memos.set(place, memo)
    const [oldest] = memos.keys()
    if (memos.size > KEPT && oldest !== undefined) memos.delete(oldest)
    return memo
  }

  return {
    of,
    noteTokens(place, tokens, at) {
      const memo = of(place)
      if ((memo.seen?.at ?? Number.NEGATIVE_INFINITY) <= at) memo.seen = { tokens: tokens.join(), at }
    },
    outdated(place, tokens, at) {
      const { seen } = of(place)
      return seen !== undefined && seen.at > at && seen.tokens !== tokens.join()
    },
  }
}

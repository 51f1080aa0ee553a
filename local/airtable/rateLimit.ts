const REQUESTS = 5
const WINDOW_MS = 1_000
const PENALTY_MS = 30_000

/** Ms since any fixed moment. */
export type Clock = () => number

/** Allows five requests in any 1,000 ms. Refuses the sixth, and every request in the 30 s after it. */
export function createRateLimit(clock: Clock): () => boolean {
  let admitted: number[] = []
  let refusedUntil = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock()
    if (now < refusedUntil) return false
    admitted = admitted.filter((moment) => moment > now - WINDOW_MS)
    if (admitted.length >= REQUESTS) refusedUntil = now + PENALTY_MS
    else admitted.push(now)
    return now >= refusedUntil
  }
}

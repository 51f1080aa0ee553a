const REQUESTS = 5
const WINDOW_MS = 1_000
const PENALTY_MS = 30_000

/** Milliseconds since any fixed moment; tests move it by hand. */
export type Clock = () => number

/**
 * The vendor's limit for one base: five requests in any 1,000 ms. The sixth is refused, and so is every request in the 30 s
 * after it. Refused requests do not count. Returns a function that counts a request and says whether it is allowed.
 */
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

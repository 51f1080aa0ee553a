import { AirtableService } from '@/lib/core-services/airtable/airtableService'
import type { RateLimiter, RequestOutcome } from '@/lib/core-services/airtable/rate-limit/rateLimiter'
import { defaultPorts, type Ports } from '@/lib/shared/ports'

/** A clock on which a second passes between two readings, so that no permit is waited for. Its sleeps are only recorded. */
export function hastyClock() {
  let elapsed = 0
  const pauses: number[] = []
  const tick = () => {
    elapsed += 1_000
    return elapsed
  }
  const sleep = async (milliseconds: number) => {
    // The rate limiter collects its reports for a moment: no caller waits for that.
    if (milliseconds >= 10) pauses.push(milliseconds)
  }
  return { pauses, now: () => Date.UTC(2026, 0, 1), monotonic: tick, sleep }
}

/** The client, started. */
export async function airtableClient(
  connection: { url: string; apiKey: string; pageTimeoutMs?: number },
  ports: Partial<Ports> = {},
  limiter?: RateLimiter,
): Promise<AirtableService> {
  const { url: endpointUrl, apiKey, pageTimeoutMs = 5_000 } = connection
  const service = new AirtableService(
    () => ({ apiKey, endpointUrl, pageTimeoutMs }),
    { ...defaultPorts, clock: hastyClock(), ...ports },
    limiter && (() => limiter),
  )
  await service.initialize()
  return service
}

/** A limiter that grants `permits` permits. The next call waits until it is aborted. */
export function recordedLimiter(permits = Number.POSITIVE_INFINITY) {
  const outcomes: RequestOutcome[] = []
  let taken = 0
  const limiter: RateLimiter = {
    bases: async () => [],
    async take(_base, { signal } = {}) {
      taken += 1
      if (taken < permits) return { granted: true, settle: (outcome) => void outcomes.push(outcome) }
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    },
  }
  return { limiter, outcomes, taken: () => taken }
}

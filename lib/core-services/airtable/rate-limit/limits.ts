/** Airtable's limits: https://airtable.com/developers/web/api/rate-limits */
import type { CoolKind, PermitRequest, RateLimitRequest } from './rateLimitStore'

export const PER_BASE = 5
export const PER_TOKEN = 50
/** One second, plus the error of clocks, timers and Redis's steps of 1 ms. In ms. */
export const GAP_MS = 1_000 + 25
/** How long a request may still arrive after its connection was closed, in ms. A network keeps no packet longer. */
export const LINGER_MS = 2_000
/** A permit that is not used within this time is given back, in ms. */
export const USE_WITHIN_MS = 3_000
/**
 * The pause after Redis has lost its state, in ms. A request with a promised permit (one gap ahead at most) that takes up
 * to 450 ms has then arrived at least one gap ago.
 */
export const QUIET_MS = 2 * GAP_MS + 450

/** A background request counts as this much later, in ms. */
const YIELD_MS = 5_000
const PENALTY_SECONDS = 30
const QUOTA_MS = 6 * 3_600_000
/** Time between two tries for waiting callers while the quota is spent, in ms. A plan can be raised at any time. */
const QUOTA_PROBE_MS = 10 * 60_000

/** How long a request counts as sent when its end is never reported, in ms. */
export const sentMs = (pageTimeoutMs: number): number => pageTimeoutMs + LINGER_MS + GAP_MS

export function createPermitRequest({
  base,
  ticket,
  background,
  pageTimeoutMs,
}: {
  base: string
  ticket: string
  background: boolean
  /** Deadline of the request, in ms. Its connection is then closed. */
  pageTimeoutMs: number
}): PermitRequest {
  return {
    base,
    ticket,
    late: background ? YIELD_MS : 0,
    perBase: PER_BASE,
    perToken: PER_TOKEN,
    aheadMs: GAP_MS,
    holdMs: USE_WITHIN_MS + sentMs(pageTimeoutMs),
    pauseMs: 160,
    mostPauseMs: 2_000,
    lineMs: 2_000,
    probeMs: QUOTA_PROBE_MS,
  }
}

/** `seconds`: how long Airtable asks to wait, if it says so. */
export function toCoolDownReport(
  base: string,
  kind: CoolKind,
  seconds?: number,
): RateLimitRequest['cool'][number] {
  if (kind === 'quota') return { base, kind, ms: QUOTA_MS, foregroundMs: QUOTA_PROBE_MS }
  const ms = Math.ceil((seconds ?? PENALTY_SECONDS) * 1000)
  return { base, kind, ms, foregroundMs: ms }
}

/** The numbers of the request budget. Airtable's own: https://airtable.com/developers/web/api/rate-limits */
import type { CoolKind, PermitRequest, RateLimitRequest } from './rateLimitStore'

export const PER_BASE = 5
export const PER_TOKEN = 50
/** The second of the limit, and what clocks, Redis's steps of a ms and timers may be wrong by. */
export const GAP_MS = 1_000 + 25
/** What was sent may arrive that long after its connection was closed: no longer than a network keeps a packet. */
export const LINGER_MS = 2_000
/** A permit is used within this time or not at all. */
export const USE_WITHIN_MS = 3_000
/**
 * After a loss: what was promised to somebody (a gap ahead at most), is on its way, and must have arrived a gap ago.
 * More than that would have every flush cost more than it can save.
 */
export const QUIET_MS = 2 * GAP_MS + 450

/** Background counts as come so much later. */
const YIELD_MS = 5_000
const PENALTY_SECONDS = 30
const QUOTA_MS = 6 * 3_600_000
/** A plan can be raised any time, so with a caller who waits the quota is tried this often. */
const QUOTA_PROBE_MS = 10 * 60_000

/** For how long a request counts that was sent, when nobody says what became of it. */
export const sentMs = (pageTimeoutMs: number): number => pageTimeoutMs + LINGER_MS + GAP_MS

/** `pageTimeoutMs`: deadline of a request, at whose end its connection is closed. */
export function createPermitRequest(
  base: string,
  ticket: string,
  background: boolean,
  pageTimeoutMs: number,
): PermitRequest {
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

/** How long a base is left alone after a refusal. `seconds`: how long Airtable asks for, if it does. */
export function toCoolDownReport(
  base: string,
  kind: CoolKind,
  seconds?: number,
): RateLimitRequest['cool'][number] {
  if (kind === 'quota') return { base, kind, ms: QUOTA_MS, foregroundMs: QUOTA_PROBE_MS }
  const ms = Math.ceil((seconds ?? PENALTY_SECONDS) * 1000)
  return { base, kind, ms, foregroundMs: ms }
}

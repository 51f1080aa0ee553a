/**
 * Circuit breaker around Redis: after so many failures in a rolling window nobody waits for it any more. After a pause
 * it is probed in the background, never by somebody's request, and used again once all probes have succeeded. Its state
 * is that of one process: it guards Redis, so it cannot live there.
 */
import type { Ports } from './ports'

export interface BreakerOptions {
  /** Failures within the window that open the circuit. */
  failureThreshold: number
  /** The rolling window, in ms. */
  windowMs: number
  /** How long the circuit stays open before it is probed, in ms. */
  recoveryMs: number
  /** Probes in a row that must succeed before the circuit is closed. */
  halfOpenProbes: number
}

/** In the order of the numbers that metrics have for them. */
export const BREAKER_STATES = ['closed', 'open', 'half-open'] as const
export type BreakerState = (typeof BREAKER_STATES)[number]

export interface BreakerTransition {
  /** Wall clock, ms. */
  at: number
  from: BreakerState
  to: BreakerState
}

export interface Breaker {
  readonly state: BreakerState
  /** The last transitions, oldest first. */
  readonly transitions: readonly BreakerTransition[]
  /** True when a request may be sent. When the pause is over this begins the probes, and still answers false. */
  admits(): boolean
  succeeded(): void
  failed(): void
  /** Manual control: for operators and tests. */
  forceOpen(): void
  reset(): void
}

const TRANSITIONS_KEPT = 50

export function createBreaker(
  { failureThreshold, windowMs, recoveryMs, halfOpenProbes }: BreakerOptions,
  { clock, emit, defer }: Pick<Ports, 'clock' | 'emit' | 'defer'>,
  probe: () => Promise<void>,
): Breaker {
  let state: BreakerState = 'closed'
  let openedAt = 0
  let failures: number[] = []
  const transitions: BreakerTransition[] = []

  function enter(to: BreakerState): void {
    if (to === state) return
    transitions.push({ at: clock.now(), from: state, to })
    if (transitions.length > TRANSITIONS_KEPT) transitions.shift()
    emit({ type: 'breaker.changed', from: state, to })
    state = to
    failures = []
    if (to === 'open') openedAt = clock.monotonic()
  }

  async function probeAll(): Promise<void> {
    try {
      for (let count = 0; count < halfOpenProbes; count += 1) await probe()
      if (state === 'half-open') enter('closed')
    } catch {
      if (state === 'half-open') enter('open')
    }
  }

  return {
    get state() {
      return state
    },
    transitions,
    admits() {
      if (state === 'open' && clock.monotonic() - openedAt >= recoveryMs) {
        enter('half-open')
        defer(probeAll)
      }
      return state === 'closed'
    },
    succeeded() {
      if (state === 'closed') failures = []
    },
    failed() {
      if (state !== 'closed') return
      const now = clock.monotonic()
      failures = [...failures.filter((at) => now - at < windowMs), now]
      if (failures.length >= failureThreshold) enter('open')
    },
    forceOpen: () => enter('open'),
    reset: () => enter('closed'),
  }
}

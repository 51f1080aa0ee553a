/**
 * Circuit breaker around Redis: after so many failures in a rolling window no request waits for it any more. After a pause
 * it is probed in the background, never by a caller's request, and used again once all probes have succeeded. Its state
 * is that of one process: it guards Redis, so it cannot live there.
 */
import type { BreakerState } from '../../../../shared/events'
import type { Ports } from '../../../../shared/ports'

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
  /**
   * True when a request may be sent. When the pause is over this begins the probes, and still answers false. Probes
   * that have not ended after another pause are begun anew.
   */
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
  { clock, emit, defer, isControlFlow }: Pick<Ports, 'clock' | 'emit' | 'defer' | 'isControlFlow'>,
  probe: () => Promise<void>,
): Breaker {
  let state: BreakerState = 'closed'
  let openedAt = 0
  let probingSince = 0
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

  async function probeAll(began: number): Promise<void> {
    try {
      for (let count = 0; count < halfOpenProbes; count += 1) await probe()
      if (state === 'half-open') enter('closed')
    } catch (error) {
      // Later ones have taken the place of those that did not end for a whole pause.
      if (state !== 'half-open' || probingSince !== began) return
      const since = openedAt
      enter('open')
      // The framework has kept the probe from being sent: that is no answer of Redis, and costs no further pause.
      if (isControlFlow(error)) openedAt = since
    }
  }

  /** At once: what is deferred may wait for the end of an answer that goes on for an hour. */
  function beginProbes(): void {
    enter('half-open')
    probingSince = clock.monotonic()
    const probing = probeAll(probingSince)
    defer(() => probing)
  }

  return {
    get state() {
      return state
    },
    transitions,
    admits() {
      const since = state === 'half-open' ? probingSince : openedAt
      if (state !== 'closed' && clock.monotonic() - since >= recoveryMs) beginProbes()
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

/**
 * Stops asking Redis after failures within a window. After a pause it is probed in the background, never by a caller's
 * request. The state is per process: it guards Redis, so it cannot be stored there.
 */
import type { BreakerState } from '../../../../shared/events'
import type { Ports } from '../../../../shared/ports'

export interface BreakerOptions {
  /** Within the window. @default 5 */
  failureThreshold: number
  /** In ms. @default 300_000 */
  windowMs: number
  /** In ms, before an open circuit is probed. @default 60_000 */
  recoveryMs: number
  /** In a row, to close the circuit. @default 3 */
  halfOpenProbes: number
}

export interface BreakerTransition {
  at: number
  from: BreakerState
  to: BreakerState
}

export interface Breaker {
  readonly state: BreakerState
  /** Oldest first. */
  readonly transitions: readonly BreakerTransition[]
  /**
   * Whether a request may be sent. After the pause it starts the probes and still returns false. Probes that have not
   * ended after another pause are started anew.
   */
  admits(): boolean
  succeeded(): void
  failed(): void
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
      // Newer probes have replaced these, which did not end within a pause.
      if (state !== 'half-open' || probingSince !== began) return
      const since = openedAt
      enter('open')
      // The framework kept the probe from being sent. Redis did not answer, so the pause does not start again.
      if (isControlFlow(error)) openedAt = since
    }
  }

  /** Probes at once: deferred work may wait for a response that streams for an hour. */
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

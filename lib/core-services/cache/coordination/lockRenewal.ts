import { passedSince } from '../../../shared/clock'
import type { Ports } from '../../../shared/ports'
import { isRedisFailure, lockLost } from '../errors'
import { reportDegraded } from '../redis/reportDegraded'
import type { Lock, Term } from './lockOptions'

export interface LockRenewal {
  /** Aborted with LOCK_LOST as soon as another holder may have the lock. */
  readonly signal: AbortSignal
  lose(): void
  stop(): void
}

/** Extensions per ttl: one may fail, and the lock is still held. */
const EXTENSIONS_PER_TTL = 3

/** `prolong` resolves with the new term, or null when the lock was lost, and rejects when Redis does not answer. */
export function startRenewal(
  { names, ttlSeconds }: Lock,
  term: Term,
  prolong: () => Promise<Term | null>,
  { clock, emit }: Pick<Ports, 'clock' | 'emit'>,
): LockRenewal {
  const lost = new AbortController()
  const stopped = new AbortController()
  const remainingMs = () => term.milliseconds - passedSince(clock, term.since)
  const uncertain = () => remainingMs() <= 0

  function lose(): void {
    if (lost.signal.aborted) return
    emit({ type: 'lock.lost', names })
    lost.abort(lockLost(names))
  }

  /** Undefined when Redis did not answer. */
  async function tryProlong(): Promise<Term | null | undefined> {
    try {
      return await prolong()
    } catch (error) {
      if (isRedisFailure(error)) reportDegraded({ emit }, 'lock.extend', error)
      return undefined
    }
  }

  async function prolongInTime(): Promise<Term | null | undefined> {
    const answered = new AbortController()
    const tooLate = clock.sleep(remainingMs(), answered.signal).then(() => undefined)
    try {
      return await Promise.race([tryProlong(), tooLate])
    } finally {
      answered.abort()
    }
  }

  async function keep(): Promise<void> {
    for (;;) {
      const pause = (ttlSeconds * 1000) / EXTENSIONS_PER_TTL
      await clock.sleep(Math.min(pause, remainingMs()), stopped.signal)
      if (stopped.signal.aborted) return
      const extended = uncertain() ? undefined : await prolongInTime()
      if (stopped.signal.aborted) return
      if (extended) term = extended
      if (extended === null || uncertain()) return lose()
    }
  }

  void keep()
  return {
    signal: lost.signal,
    lose,
    stop() {
      if (uncertain()) lose()
      stopped.abort()
    },
  }
}

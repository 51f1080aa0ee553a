/** Keeps a lock while its holder works, and notices when it is lost. */
import { isRedisFailure, lockLost } from './errors'
import type { Lock } from './lock'
import type { Ports } from './ports'

export interface Keeper {
  /** Aborted with LOCK_LOST as soon as the lock is no longer certain to be held. */
  readonly signal: AbortSignal
  lose(): void
  /** The work is done: no more extensions. */
  stop(): void
}

/** How often within its ttl a lock is extended: one extension may fail, and nothing is lost yet. */
const EXTENSIONS_PER_TTL = 3

/**
 * `until` is the monotonic time, in ms, up to which the lock is certain. `prolong` tells the new one, or null when Redis
 * says that the lock is no longer ours, and rejects when Redis cannot be asked.
 */
export function keepExtended(
  { names, ttlSeconds }: Lock,
  until: number,
  prolong: () => Promise<number | null>,
  { clock, emit }: Pick<Ports, 'clock' | 'emit'>,
): Keeper {
  const lost = new AbortController()
  const stopped = new AbortController()
  const uncertain = () => clock.monotonic() >= until

  function lose(): void {
    if (lost.signal.aborted) return
    emit({ type: 'lock.lost', names })
    lost.abort(lockLost(names))
  }

  /** Undefined when Redis could not be asked. */
  async function tryProlong(): Promise<number | null | undefined> {
    try {
      return await prolong()
    } catch (error) {
      if (isRedisFailure(error)) {
        emit({ type: 'redis.degraded', operation: 'lock.extend', code: error.code, message: error.message })
      }
      return undefined
    }
  }

  /** An answer that comes too late is as good as none. */
  async function prolongInTime(): Promise<number | null | undefined> {
    const answered = new AbortController()
    const tooLate = clock.sleep(until - clock.monotonic(), answered.signal).then(() => undefined)
    try {
      return await Promise.race([tryProlong(), tooLate])
    } finally {
      answered.abort()
    }
  }

  async function keep(): Promise<void> {
    for (;;) {
      const pause = (ttlSeconds * 1000) / EXTENSIONS_PER_TTL
      await clock.sleep(Math.min(pause, until - clock.monotonic()), stopped.signal)
      if (stopped.signal.aborted) return
      const extended = uncertain() ? undefined : await prolongInTime()
      if (stopped.signal.aborted) return
      if (typeof extended === 'number') until = extended
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

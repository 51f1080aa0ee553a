/**
 * Locks across all instances. A dead holder blocks others until its ttl ends. A holder that was frozen may still
 * believe in its lock, hence the fencing token. There is no fallback: without Redis every method rejects.
 */

import { currentInstant, passedSince } from '../../../shared/clock'
import { hasCode } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'
import { isRedisFailure, lockNotAcquired } from '../errors'
import type { KeySpace } from '../redis/commands/keySpace'
import { reportDegraded } from '../redis/reportDegraded'
import {
  checkLockNames,
  type Lock,
  type LockDefaults,
  type LockHolder,
  type LockOptions,
  resolveLockSettings,
  type Term,
} from './lockOptions'
import { startRenewal } from './lockRenewal'
import type { LockStore } from './lockStore'

export interface Locks {
  /**
   * Runs `work` while no other caller in any instance holds one of the locks, and extends them meanwhile. Rejects with
   * LOCK_NOT_ACQUIRED, with a REDIS_ error, with the error of `work`, and with LOCK_LOST when `work` succeeded but may
   * not have been alone. 6 billed commands, and 3 for each third of the ttl that `work` takes. `ttlSeconds` may be a
   * fraction.
   */
  withLock<T>(
    names: string | readonly string[],
    work: (holder: LockHolder) => Promise<T>,
    ttlSeconds?: number,
    options?: LockOptions,
  ): Promise<T>
  /**
   * The caller extends the lock itself. Rejects with LOCK_NOT_ACQUIRED or a REDIS_ error. 3 billed commands; 2 if
   * refused.
   */
  acquire(name: string, ttlSeconds?: number, options?: LockOptions): Promise<Lock>
  /** Takes all locks or none, in one step. 2 billed commands, and 1 for each name. */
  acquireMany(names: readonly string[], ttlSeconds?: number, options?: LockOptions): Promise<Lock>
  /** Sets the time that is left, in seconds. False when the lock was lost. 2 billed commands, and 1 for each name. */
  extend(lock: Lock, ttlSeconds?: number): Promise<boolean>
  /** Never releases a lock that another holder has taken since. False when the lock was lost. 3 billed commands. */
  release(lock: Lock): Promise<boolean>
  /** Names of the locks that this process holds. */
  readonly held: string[]
  /** Counts names over all instances. Walks the whole database: for administration. */
  countActive(): Promise<number>
}

interface Taken {
  lock: Lock
  term: Term
}

export function createLocks(store: LockStore, keys: KeySpace, defaults: LockDefaults, ports: Ports): Locks {
  const { clock, emit } = ports
  const ours = new Map<string, Taken>()
  const isOver = ({ since, milliseconds }: Term) => passedSince(clock, since) >= milliseconds

  async function take(names: readonly string[], ttlSeconds = defaults.ttlSeconds, options?: LockOptions) {
    const { ttlMs, retryCount, retryDelay } = resolveLockSettings(defaults, ttlSeconds, options)
    const lock = { names: checkLockNames(names, keys), holder: ports.uniqueToken(), ttlSeconds }
    const started = clock.monotonic()
    for (let attempt = 1; ; attempt += 1) {
      const taken = await takeOnce(lock, ttlMs)
      const outcome = { names: lock.names, attempts: attempt, durationMs: clock.monotonic() - started }
      if (taken) {
        emit({ type: 'lock.acquired', ...outcome })
        return taken
      }
      if (attempt > retryCount) {
        emit({ type: 'lock.refused', ...outcome })
        throw lockNotAcquired(lock.names, attempt)
      }
      await clock.sleep(retryDelay * (0.5 + ports.random()))
    }
  }

  async function takeOnce(lock: Omit<Lock, 'token'>, ttlMs: number): Promise<Taken | null> {
    const term = { since: currentInstant(clock), milliseconds: ttlMs }
    try {
      const token = await store.take(lock.names, lock.holder, ttlMs, clock.now())
      if (token === null || isOver(term)) return null
      const taken = { lock: { ...lock, token }, term }
      for (const [holder, other] of ours) if (isOver(other.term)) ours.delete(holder)
      ours.set(lock.holder, taken)
      return taken
    } catch (error) {
      if (mayHaveBeenHeard(error)) {
        // Releases at once, not after the response: the lock would block all callers until then.
        const work = giveBack(lock).then(() => undefined)
        ports.defer(() => work)
      }
      throw error
    }
  }

  /** Null when the lock was lost. */
  async function prolong(lock: Lock, ttlSeconds: number): Promise<Term | null> {
    const { ttlMs } = resolveLockSettings(defaults, ttlSeconds)
    // Counted from the sending, because Redis may count from then.
    const term = { since: currentInstant(clock), milliseconds: ttlMs }
    if (await store.extend(lock.names, lock.holder, ttlMs)) {
      if (ours.has(lock.holder)) ours.set(lock.holder, { lock, term })
      return term
    }
    ours.delete(lock.holder)
    return null
  }

  async function release({ names, holder }: Omit<Lock, 'token'>): Promise<boolean> {
    ours.delete(holder)
    try {
      return await store.release(names, holder)
    } catch (error) {
      if (!isRedisFailure(error)) throw error
      await store.release(names, holder)
      return true
    }
  }

  /** False when the lock was lost. A lock that cannot be released expires by itself. */
  async function giveBack(lock: Omit<Lock, 'token'>): Promise<boolean> {
    try {
      return await release(lock)
    } catch (error) {
      if (isRedisFailure(error)) reportDegraded({ emit }, 'lock.release', error)
      return true
    }
  }

  return {
    acquire: async (name, ttlSeconds, options) => (await take([name], ttlSeconds, options)).lock,
    acquireMany: async (names, ttlSeconds, options) => (await take(names, ttlSeconds, options)).lock,
    extend: async (lock, ttlSeconds = lock.ttlSeconds) => (await prolong(lock, ttlSeconds)) !== null,
    release,
    countActive: store.count,
    get held() {
      const certain = [...ours.values()].filter(({ term }) => !isOver(term))
      return certain.flatMap(({ lock }) => lock.names).sort()
    },
    async withLock(names, work, ttlSeconds, options) {
      const { lock, term } = await take([names].flat(), ttlSeconds, options)
      const renewal = startRenewal(lock, term, () => prolong(lock, lock.ttlSeconds), ports)
      const finish = async () => {
        renewal.stop()
        if (!(await giveBack(lock))) renewal.lose()
      }
      let result: Awaited<ReturnType<typeof work>>
      try {
        result = await work({ token: lock.token, signal: renewal.signal })
      } catch (error) {
        await finish()
        throw error
      }
      await finish()
      renewal.signal.throwIfAborted()
      return result
    },
  }
}

function mayHaveBeenHeard(error: unknown): boolean {
  return hasCode(
    error,
    'REDIS_TIMEOUT',
    'REDIS_UNREACHABLE',
    'REDIS_BAD_REPLY',
    'REDIS_COMMAND_FAILED',
    'REDIS_FULL',
  )
}

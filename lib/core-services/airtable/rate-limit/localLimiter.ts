/**
 * What this process may send, whatever Redis allows: at any moment at most five requests to a base, and fifty in all,
 * that are under way or whose response came less than a gap ago. So neither a Redis that has lost its state nor one
 * that cannot be asked lets a process alone exceed the limit of Airtable. As long as Redis knows everything this never
 * keeps anybody waiting: whatever is held here is held there, and for longer.
 */
import type { Clock } from '../../../shared/clock'

export interface LocalPermit {
  /** In so many ms from now it may be used again. Without this call that is when its hold ends. */
  back(gapMs: number): void
}

export interface LocalLimiter {
  /** Resolves when the next request to the base may be sent, in the order of asking; to nothing on abort. */
  take(base: string, signal?: AbortSignal): Promise<LocalPermit | undefined>
}

export interface LocalLimits {
  perBase: number
  perToken: number
  /** How long a permit counts as used that is not given back, in ms. */
  holdMs: number
}

interface Hold {
  base: string
  until: number
}

interface Waiter {
  base: string
  enter(permit: LocalPermit): void
}

export function createLocalLimiter(
  { perBase, perToken, holdMs }: LocalLimits,
  clock: Pick<Clock, 'monotonic' | 'sleep'>,
): LocalLimiter {
  let holds: Hold[] = []
  const waiters = new Set<Waiter>()
  let nap: AbortController | undefined

  function msUntilRoom(base: string): number {
    const now = clock.monotonic()
    holds = holds.filter(({ until }) => until > now)
    const ofBase = holds.filter((hold) => hold.base === base)
    return Math.max(roomAt(ofBase, perBase), roomAt(holds, perToken)) - now
  }

  function hold(base: string): LocalPermit {
    const held: Hold = { base, until: clock.monotonic() + holdMs }
    holds.push(held)
    return {
      back(gapMs) {
        held.until = clock.monotonic() + gapMs
        admit()
      },
    }
  }

  function admit(): void {
    nap?.abort()
    nap = undefined
    for (const waiter of waiters) {
      if (msUntilRoom(waiter.base) > 0) continue
      waiters.delete(waiter)
      waiter.enter(hold(waiter.base))
    }
    if (waiters.size === 0) return
    nap = new AbortController()
    const { signal } = nap
    const pause = Math.min(...[...waiters].map(({ base }) => msUntilRoom(base)))
    void clock.sleep(Math.ceil(pause), signal).then(() => {
      if (!signal.aborted) admit()
    })
  }

  return {
    take: (base, signal) =>
      new Promise((resolve) => {
        const gone = () => {
          waiters.delete(waiter)
          resolve(undefined)
        }
        const waiter: Waiter = {
          base,
          enter(permit) {
            signal?.removeEventListener('abort', gone)
            resolve(permit)
          },
        }
        if (signal?.aborted) return gone()
        signal?.addEventListener('abort', gone, { once: true })
        waiters.add(waiter)
        admit()
      }),
  }
}

/** When one less than `most` are held. */
function roomAt(holds: readonly Hold[], most: number): number {
  const ends = holds.map(({ until }) => until).sort((one, other) => one - other)
  return ends[holds.length - most] ?? Number.NEGATIVE_INFINITY
}

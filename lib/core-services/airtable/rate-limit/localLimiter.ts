/**
 * Limits this process to Airtable's limit while Redis is down or has lost its state. Otherwise it never makes a caller
 * wait, because Redis holds each permit for longer.
 */
import type { Clock } from '../../../shared/clock'

export interface LocalPermit {
  /** Frees the permit in `gapMs`. Without this call it is free when its hold ends. */
  back(gapMs: number): void
}

export interface LocalLimiter {
  /** Resolves in the order of the calls, when the next request to the base may be sent; with undefined on abort. */
  take(base: string, signal?: AbortSignal): Promise<LocalPermit | undefined>
}

export interface LocalLimits {
  perBase: number
  perToken: number
  /** How long a permit counts as used when it is not given back, in ms. */
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
  let timer: AbortController | undefined

  function msUntilRoom(base: string): number {
    const now = clock.monotonic()
    holds = holds.filter(({ until }) => until > now)
    const heldByBase = holds.filter((hold) => hold.base === base)
    return Math.max(roomAt(heldByBase, perBase), roomAt(holds, perToken)) - now
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
    timer?.abort()
    timer = undefined
    for (const waiter of waiters) {
      if (msUntilRoom(waiter.base) > 0) continue
      waiters.delete(waiter)
      waiter.enter(hold(waiter.base))
    }
    if (waiters.size === 0) return
    timer = new AbortController()
    const { signal } = timer
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

function roomAt(holds: readonly Hold[], most: number): number {
  const ends = holds.map(({ until }) => until).sort((one, other) => one - other)
  return ends[holds.length - most] ?? Number.NEGATIVE_INFINITY
}

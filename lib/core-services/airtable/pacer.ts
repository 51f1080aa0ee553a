/** Spaces out the requests of this process, so that a read of many pages never trips Airtable's limit by itself. */
import type { Clock } from '../cache/engine/ports'

export interface Pacer {
  /** Resolves when the next request to the base may be sent; rejects with the signal's reason when it is aborted. */
  turn(base: string, signal?: AbortSignal): Promise<void>
}

export function createPacer(intervalMs: number, clock: Pick<Clock, 'monotonic'>): Pacer {
  const nextFree = new Map<string, number>()
  return {
    async turn(base, signal) {
      signal?.throwIfAborted()
      const now = clock.monotonic()
      const start = Math.max(now, nextFree.get(base) ?? 0)
      nextFree.set(base, start + intervalMs)
      if (start > now) await sleep(start - now, signal)
    },
  }
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

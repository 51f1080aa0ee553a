import type { Clock } from './clock'
import { timerMs } from './durations'
import type { Ports } from './ports'

/**
 * Runs work that must end within `milliseconds`. At the deadline, or when `outer` is aborted, the work's signal is
 * aborted and the caller gets the reason, even if the work ignores its signal.
 */
export async function withinDeadline<T>(
  milliseconds: number,
  timeoutError: () => Error,
  run: (signal: AbortSignal) => Promise<T>,
  { alarm }: Pick<Ports, 'alarm'>,
  outer?: AbortSignal,
): Promise<T> {
  outer?.throwIfAborted()
  const controller = new AbortController()
  const cancel = alarm(milliseconds, () => controller.abort(timeoutError()))
  const abortWithOuter = () => controller.abort(outer?.reason)
  outer?.addEventListener('abort', abortWithOuter, { once: true })
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true })
  })
  try {
    return await Promise.race([run(controller.signal), aborted])
  } finally {
    cancel()
    outer?.removeEventListener('abort', abortWithOuter)
  }
}

/** In ms: a later timer shows that the process was too busy to listen. */
const BUSY_MS = 20

export interface Deadline {
  cancel(): void
  /** For an answer that has begun to arrive and is large. */
  extend(milliseconds: number): void
}

/**
 * Additional ms when a timer fired `late` ms late. While the process was busy the answer may have arrived unread, so
 * the time is given back: once, and at most the deadline itself.
 */
export function getGraceMs(late: number, milliseconds: number): number {
  return late > BUSY_MS ? Math.min(late, milliseconds) : 0
}

/** Like a timer, but gives back time in which the process was too busy to listen; see `getGraceMs`. */
export function startDeadline(
  milliseconds: number,
  { monotonic }: Pick<Clock, 'monotonic'>,
  expire: () => void,
): Deadline {
  let timer: ReturnType<typeof setTimeout>
  let due = monotonic() + milliseconds
  let wasForgiven = false
  const end = () => {
    const more = wasForgiven ? 0 : getGraceMs(monotonic() - due, milliseconds)
    if (more === 0) return expire()
    wasForgiven = true
    wait(more)
  }
  function wait(delay: number): void {
    due = monotonic() + delay
    timer = setTimeout(end, timerMs(delay))
  }
  wait(milliseconds)
  return {
    cancel: () => clearTimeout(timer),
    extend(more) {
      if (more <= 0) return
      clearTimeout(timer)
      wait(Math.max(0, due - monotonic()) + more)
    },
  }
}

import type { Clock } from './ports'

/**
 * Runs work that must end within `milliseconds`. At the deadline, or when `outer` is aborted, the work's signal is
 * aborted and the caller gets the reason, even if the work ignores its signal.
 */
export async function withinDeadline<T>(
  milliseconds: number,
  timeoutError: () => Error,
  run: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  outer?.throwIfAborted()
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(timeoutError()), milliseconds)
  const abortWithOuter = () => controller.abort(outer?.reason)
  outer?.addEventListener('abort', abortWithOuter, { once: true })
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true })
  })
  try {
    return await Promise.race([run(controller.signal), aborted])
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', abortWithOuter)
  }
}

/** From this lateness of its timer on, in ms, a process counts as having been too busy to listen. */
const BUSY_MS = 20

/**
 * Calls `expire` after so many ms in which the process could listen for an answer. While it was busy the answer may
 * have come and only wait to be read, so the time by which the timer is late is given once more, up to the deadline
 * itself at a time. Returns what cancels it.
 */
export function listeningDeadline(
  milliseconds: number,
  { monotonic }: Pick<Clock, 'monotonic'>,
  expire: () => void,
): () => void {
  let timer: ReturnType<typeof setTimeout>
  const wait = (delay: number) => {
    const due = monotonic() + delay
    timer = setTimeout(() => {
      const late = monotonic() - due
      if (late > BUSY_MS) wait(Math.min(late, milliseconds))
      else expire()
    }, delay)
  }
  wait(milliseconds)
  return () => clearTimeout(timer)
}

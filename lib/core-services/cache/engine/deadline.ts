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

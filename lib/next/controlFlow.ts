import { unstable_rethrow } from 'next/navigation'

/** True for the errors by which Next steers rendering. Code that swallows one breaks prerendering. */
export function isControlFlowError(error: unknown): boolean {
  try {
    unstable_rethrow(error)
    return false
  } catch {
    return true
  }
}

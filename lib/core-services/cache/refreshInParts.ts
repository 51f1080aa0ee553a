/** A forced refresh of a field that may need several: `forceRefresh` again and again, while that gets any further. */
import { isUnfinished } from './engine/errors'
import type { RefreshReason } from './engine/events'
import type { AnyField } from './engine/fieldConfig'
import { timeoutOf } from './fetchEntry'
import type { FieldRuntime } from './fieldRuntime'
import { forceRefresh, type Refreshed } from './refreshCache'

/**
 * Rejects as `forceRefresh` does; with SOURCE_UNFINISHED when less time is left than one more may take. `onPart` is told
 * between two of them how far the source has been read.
 */
export async function refreshInParts(
  runtime: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  remainingMs: () => number,
  onPart?: (done: string | null) => Promise<void>,
): Promise<Refreshed> {
  const { clock } = runtime.ports
  let done: string | null = null
  for (;;) {
    try {
      return await forceRefresh(runtime, field, reason, false, clock.monotonic() + remainingMs())
    } catch (error) {
      const further = isUnfinished(error) && error.done !== done
      if (!further || remainingMs() < timeoutOf(runtime, field)) throw error
      done = error.done
      await onPart?.(done)
    }
  }
}

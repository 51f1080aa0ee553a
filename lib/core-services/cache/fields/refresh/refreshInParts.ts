import type { RefreshReason } from '../../../../shared/events'
import { isUnfinished } from '../../errors'
import type { AnyField } from '../fieldConfig'
import { refreshTimeoutMs } from '../fieldContext'
import type { FieldRuntime } from '../fieldRuntime'
import { forceRefresh, type Refreshed } from './forceRefresh'

interface PartsRequest {
  reason: RefreshReason
  /** Time left for the whole call, in ms. */
  remainingMs(): number
  /** Runs between two refreshes. `done`: how far the source was read. */
  onPart?: ((done: string | null) => Promise<void>) | undefined
}

/**
 * Repeats a forced refresh that needs several fetches, as long as each of them gets further. Rejects as
 * `forceRefresh` does, and with SOURCE_UNFINISHED if less time is left than one more may take.
 */
export async function refreshInParts(
  runtime: FieldRuntime,
  field: AnyField,
  { reason, remainingMs, onPart }: PartsRequest,
): Promise<Refreshed> {
  const { clock } = runtime.ports
  const timeoutMs = refreshTimeoutMs(runtime, field)
  let done: string | null = null
  for (;;) {
    try {
      return await forceRefresh(runtime, field, reason, { until: clock.monotonic() + remainingMs() })
    } catch (error) {
      const isFurther = isUnfinished(error) && error.done !== done
      if (!isFurther || remainingMs() < timeoutMs) throw error
      done = error.done
      await onPart?.(done)
    }
  }
}

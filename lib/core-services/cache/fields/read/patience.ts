/** Asks Redis on behalf of a reader that has something to serve and waits only as long as that is worth it. */

import type { Clock } from '../../../../shared/clock'
import { forgiven } from '../../../../shared/deadline'
import { isRedisFailure } from '../../errors'
import type { FieldRuntime } from '../fieldRuntime'

/**
 * What Redis answers, or `late` when the reader goes without. The request goes on: others may have nothing to serve, and
 * what it brings in the end counts for the next reader. `name`: once Redis was silent, one request of it goes on at a
 * time.
 */
export async function inPatience<T>(
  runtime: FieldRuntime,
  name: string,
  ask: () => Promise<T>,
): Promise<T | 'late'> {
  const { reachability, singleFlight, ports } = runtime
  const patienceMs = reachability.patienceMs()
  if (patienceMs === 0) {
    goOn(runtime, singleFlight.run(`ask ${name}`, ask))
    return 'late'
  }
  const asking = ask()
  const answered = new AbortController()
  try {
    const first = await Promise.race([asking, passed(ports.clock, patienceMs, answered.signal)])
    if (first === 'late') {
      reachability.gaveUp()
      goOn(runtime, asking)
    }
    return first
  } finally {
    answered.abort()
  }
}

async function passed(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<'late'> {
  const due = clock.monotonic() + milliseconds
  await clock.sleep(milliseconds, signal)
  const more = signal.aborted ? 0 : forgiven(clock.monotonic() - due, milliseconds)
  if (more > 0) await clock.sleep(more, signal)
  return 'late'
}

/** It has begun: deferring it only keeps the process up for it. */
function goOn(runtime: FieldRuntime, asking: Promise<unknown>): void {
  const ending = untilEnded(runtime, asking)
  runtime.ports.defer(() => ending)
}

async function untilEnded({ ports }: FieldRuntime, asking: Promise<unknown>): Promise<void> {
  try {
    await asking
  } catch (error) {
    if (!isRedisFailure(error)) return
    ports.emit({ type: 'redis.degraded', operation: 'read', code: error.code, message: error.message })
  }
}

import type { Clock } from '../../../../shared/clock'
import { getGraceMs } from '../../../../shared/deadline'
import { isRedisFailure } from '../../errors'
import { reportDegraded } from '../../redis/reportDegraded'
import type { FieldRuntime } from '../fieldRuntime'

export type ReplyInTime<T> = { kind: 'answered'; value: T } | { kind: 'late' }

const LATE = { kind: 'late' } as const

/**
 * For a reader that has a value to serve. The request goes on when the reader stops waiting: others may have nothing to
 * serve, and its answer counts for the next one. `name`: while Redis is silent, one request of this name goes on at a
 * time.
 */
export async function withReaderTimeout<T>(
  runtime: FieldRuntime,
  name: string,
  ask: () => Promise<T>,
): Promise<ReplyInTime<T>> {
  const { reachability, singleFlight, ports } = runtime
  const patienceMs = reachability.patienceMs()
  if (patienceMs === 0) {
    keepRunning(runtime, singleFlight.run(`ask ${name}`, ask))
    return LATE
  }
  const asking = ask()
  const answered = new AbortController()
  try {
    const first = await Promise.race([
      asking.then((value) => ({ kind: 'answered', value }) as const),
      timeOut(ports.clock, patienceMs, answered.signal),
    ])
    if (first.kind === 'late') {
      reachability.gaveUp()
      keepRunning(runtime, asking)
    }
    return first
  } finally {
    answered.abort()
  }
}

async function timeOut(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<typeof LATE> {
  const due = clock.monotonic() + milliseconds
  await clock.sleep(milliseconds, signal)
  const extraMs = signal.aborted ? 0 : getGraceMs(clock.monotonic() - due, milliseconds)
  if (extraMs > 0) await clock.sleep(extraMs, signal)
  return LATE
}

/** The request has begun: deferring it only keeps the process up until it ends. */
function keepRunning(runtime: FieldRuntime, asking: Promise<unknown>): void {
  const ending = untilEnded(runtime, asking)
  runtime.ports.defer(() => ending)
}

async function untilEnded(runtime: FieldRuntime, asking: Promise<unknown>): Promise<void> {
  try {
    await asking
  } catch (error) {
    if (isRedisFailure(error)) reportDegraded(runtime.ports, 'read', error)
  }
}

/** Instances that sync after pings, whose clocks are the test's, and a sync that waits to be let go. */
import type { WebhookSync } from '@/lib/core-services/airtable/webhooks/pingQueue'
import { alarmClock, type ManualClock } from '@/lib/testing/clock'
import { type Deferred, deferred } from '../../kit/clock/deferred'
import { type FieldProcess, startFieldProcess } from '../../kit/fields/fieldProcess'
import type { TestRedis } from '../../kit/redis/testRedis'

type Alarm = ManualClock & { readonly sleepers: number }
export interface Instance extends FieldProcess {
  clock: Alarm
  /** What its locks go by. */
  lockClock: Alarm
}

export async function startInstance(redis: Pick<TestRedis, 'url' | 'token'>): Promise<Instance> {
  const [clock, lockClock] = [alarmClock(), alarmClock()]
  const started = await startFieldProcess(redis, { ports: { clock: lockClock } })
  started.runtime.ports = { ...started.runtime.ports, clock, emit: started.events.emit }
  return { ...started, clock, lockClock }
}

/** A drain that waits to be let go, and how often it was begun. */
export function gatedDrain() {
  const begun: Deferred<void>[] = []
  const causes: string[] = []
  const drain: WebhookSync = (_, cause) => {
    const gate = deferred<void>()
    begun.push(gate)
    causes.push(cause)
    return gate.promise.then(() => ({}))
  }
  return { drain, begun, causes }
}

/** Tells the other instances what this one has counted: after answers, seldom, and nothing twice. */
import type { FieldCacheEvent } from '../../shared/events'
import type { Ports } from '../../shared/ports'
import { createCollector } from './collector'
import { add, emptyTally, merge, nameOf, type Tally } from './counts'
import type { Batch, MetricsStore } from './metricsStore'
import type { InstanceMetrics } from './snapshot'

/** How long an instance keeps to itself what it has counted, in ms. */
const TELL_EVERY_MS = 15_000
/** And while it sends next to nothing to Redis: telling must not cost more than what is told of. */
const QUIET_TELL_EVERY_MS = 60_000
/** From so many billed commands on it is not quiet: telling costs a quarter of them. */
const BUSY_COMMANDS = 12

export interface TellerOptions {
  /** Where what was counted goes; rejects when Redis cannot be asked. */
  store(): Promise<MetricsStore>
  ports(): Pick<Ports, 'clock' | 'defer'>
  /** Calls back after so many ms, unless the process ends before. */
  later(milliseconds: number, work: () => void): void
  /** What this process is: told with each batch. */
  self(now: number): InstanceMetrics
  /** Told what went wrong; the numbers stay. */
  failed(error: unknown): void
}

export interface MetricsTeller {
  record(event: FieldCacheEvent): void
  /** What is counted and not known to have arrived. */
  untold(): Tally
  /** Counts billed commands that the metrics cost themselves. */
  spent(commands: number): void
}

export function createTeller({ store, ports, later, self, failed }: TellerOptions): MetricsTeller {
  const collector = createCollector(() => ports().clock)
  /** Sent, but not known to have arrived. */
  let batch: Batch | undefined
  let sent = 0
  /** Something was counted that is worth telling. */
  let news = false
  let toldAt = Number.NEGATIVE_INFINITY
  /** When telling was put off until after an answer; whoever was asked to do it may have forgotten. */
  let deferredAt = Number.NEGATIVE_INFINITY
  let waiting = false
  let telling = false

  function isBusy(): boolean {
    return (collector.tally.sums.get(nameOf('redis', 'cmd')) ?? 0) >= BUSY_COMMANDS
  }

  function plan(): void {
    const { clock, defer } = ports()
    const now = clock.monotonic()
    if (telling || now - deferredAt < TELL_EVERY_MS) return
    const wait = toldAt + (isBusy() ? TELL_EVERY_MS : QUIET_TELL_EVERY_MS) - now
    if (wait <= 0) {
      deferredAt = now
      defer(tell)
    } else if (!waiting) {
      waiting = true
      later(wait, () => {
        waiting = false
        if (news || batch) plan()
      })
    }
  }

  async function tell(): Promise<void> {
    if (telling || !(news || batch)) return
    telling = true
    const { clock } = ports()
    toldAt = clock.monotonic()
    try {
      const target = await store()
      if (!batch) {
        news = false
        sent += 1
        batch = { number: sent, tally: collector.take() }
      }
      const now = clock.now()
      const { id, startedAt, breaker, locks } = self(now)
      spent(await target.add(batch, { id, state: [startedAt, breaker, locks] }, now))
      batch = undefined
    } catch (error) {
      failed(error)
    }
    telling = false
    deferredAt = Number.NEGATIVE_INFINITY
    if (news || batch) plan()
  }

  function spent(commands: number): void {
    add(collector.tally, nameOf('metrics'), commands)
  }

  return {
    record(event) {
      if (!collector.record(event)) return
      news = true
      plan()
    },
    untold: () => merge(merge(emptyTally(), batch?.tally ?? emptyTally()), collector.tally),
    spent,
  }
}

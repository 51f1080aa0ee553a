/** Reports to the other instances what this one has counted: after answers, seldom, and nothing twice. */
import type { FieldCacheEvent } from '../../shared/events'
import type { Ports } from '../../shared/ports'
import { createCollector } from './collector'
import { type Counts, increase, merge } from './counts'
import type { Batch, InstanceMetrics, MetricsStore } from './metricsStore'
import { SYSTEM_METRICS } from './table/metrics'

/** The least time between two reports of an instance, in ms. */
const REPORT_EVERY_MS = 15_000
/** The same for an instance that sends few commands to Redis: reporting must not cost more than what it reports. */
const QUIET_REPORT_EVERY_MS = 60_000
/** An instance with fewer billed commands since its last report is quiet. A report costs a quarter of this. */
const BUSY_COMMANDS = 12

interface ReporterOptions {
  /** Rejects when Redis cannot be reached. */
  store(): Promise<MetricsStore>
  ports(): Pick<Ports, 'clock' | 'defer'>
  /** Calls `work` after this time, unless the process ends before. */
  later(milliseconds: number, work: () => void): void
  describeSelf(now: number): InstanceMetrics
  /** Called when a report failed; its counts stay for the next one. */
  onFailure(error: unknown): void
}

export type MetricsReporter = ReturnType<typeof createReporter>

export function createReporter({ store, ports, later, describeSelf, onFailure }: ReporterOptions) {
  const collector = createCollector(() => ports().clock)
  /** Sent, and not known to have arrived. */
  let batch: Batch | undefined
  let batches = 0
  let hasNews = false
  let reportedAt = Number.NEGATIVE_INFINITY
  /** When a report was last deferred until after an answer; the platform may have dropped it. */
  let deferredAt = Number.NEGATIVE_INFINITY
  let isWaiting = false
  let isReporting = false

  function plan(): void {
    const { clock, defer } = ports()
    const now = clock.monotonic()
    if (!(hasNews || batch) || isReporting || now - deferredAt < REPORT_EVERY_MS) return
    const commands = collector.counts.sums.get(SYSTEM_METRICS.redis.commands.stored) ?? 0
    const wait = reportedAt + (commands < BUSY_COMMANDS ? QUIET_REPORT_EVERY_MS : REPORT_EVERY_MS) - now
    if (wait <= 0) {
      deferredAt = now
      defer(report)
    } else if (!isWaiting) {
      isWaiting = true
      later(wait, () => {
        isWaiting = false
        plan()
      })
    }
  }

  async function report(): Promise<void> {
    if (isReporting || !(hasNews || batch)) return
    isReporting = true
    const { clock } = ports()
    reportedAt = clock.monotonic()
    try {
      const target = await store()
      if (!batch) {
        hasNews = false
        batches += 1
        batch = { number: batches, counts: collector.take() }
      }
      const now = clock.now()
      countOwnCommands(await target.add(batch, describeSelf(now), now))
      batch = undefined
    } catch (error) {
      onFailure(error)
    }
    isReporting = false
    deferredAt = Number.NEGATIVE_INFINITY
    plan()
  }

  function countOwnCommands(commands: number): void {
    increase(collector.counts.sums, SYSTEM_METRICS.metricsCommands.stored, commands)
  }

  return {
    record(event: FieldCacheEvent): void {
      if (!collector.record(event)) return
      hasNews = true
      plan()
    },
    /** What was counted and is not known to have arrived in Redis. */
    unreported: (): Counts => merge(...(batch ? [batch.counts] : []), collector.counts),
    countOwnCommands,
  }
}

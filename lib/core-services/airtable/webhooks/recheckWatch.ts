/**
 * Takes over syncs of instances that have died or failed. Each process reads the queues of the webhooks along with reads
 * that it sends anyway, which costs no command, and syncs after its response.
 */

import { processPorts } from '../../../shared/ports'
import { processState } from '../../../shared/processState'
import type { AnyField } from '../../cache/fields/fieldConfig'
import { createPiggybackReads, type PiggybackRead } from '../../cache/fields/store/piggybackReads'
import { fieldRuntime } from '../../cache/processContext'
import { webhookSecrets } from '../airtableConfig'
import { drainPingQueue } from './pingQueue'
import { isAbandoned, nextSync, parseQueue, QUEUE_KIND, queueRecordNames } from './recheckQueue'
import { createWebhookSync, type WebhookSyncOptions } from './webhookSync'

/** How long a process waits before it takes over the same webhook again, in ms. Another process may be syncing. */
const PAUSE_MS = 10_000

/** Call it at the start of each process. */
export function watchRechecks(
  fields: readonly AnyField[],
  options: Pick<WebhookSyncOptions, 'limits'> = {},
): void {
  const takenOverAt = new Map<string, number>()

  function takeOver(webhookId: string, records: readonly unknown[]): void {
    const { clock, defer } = processPorts()
    const queue = parseQueue(records)
    const isRecent = clock.monotonic() - (takenOverAt.get(webhookId) ?? Number.NEGATIVE_INFINITY) < PAUSE_MS
    if (isRecent || queue.base === null || !isAbandoned(queue, clock.now())) return
    const next = nextSync(queue, clock.now())
    if (next === null) return
    takenOverAt.set(webhookId, clock.monotonic())
    const hook = { baseId: queue.base, webhookId }
    defer(async () => {
      await drainPingQueue(hook, createWebhookSync(fields, options), fieldRuntime(), next)
    })
  }

  const piggybackReads = processState('piggybackReads', createPiggybackReads)
  const others = piggybackReads.all.filter(({ kind }) => kind !== QUEUE_KIND)
  const queues: PiggybackRead = {
    kind: QUEUE_KIND,
    names: () => [...webhookSecrets().keys()].flatMap(queueRecordNames),
    receive(records) {
      for (const [index, webhookId] of [...webhookSecrets().keys()].entries())
        takeOver(webhookId, records.slice(2 * index, 2 * index + 2))
    },
  }
  piggybackReads.all = [...others, queues]
}

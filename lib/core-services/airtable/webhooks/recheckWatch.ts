/**
 * Has each process see, along with what it reads anyway, whether a look at a webhook was forgotten: the instance that had
 * taken it on is dead, or has failed. Then this process carries on, after its answer.
 */

import { processPorts } from '../../../shared/ports'
import { processState } from '../../../shared/processState'
import type { AnyField } from '../../cache/fields/fieldConfig'
import { type Companion, createCompanions } from '../../cache/fields/store/companions'
import { fieldRuntime } from '../../cache/processContext'
import { webhookSecrets } from '../airtableConfig'
import { createWebhookSync, type WebhookSyncOptions } from './handlePing'
import { drainPingQueue } from './pingQueue'
import { isAbandoned, nextSync, parseQueue, QUEUE_KIND, queueRecordNames } from './recheckQueue'

/** A process that has tried leaves a webhook alone for so long, in ms: another one may be at it. */
const PAUSE_MS = 10_000

/** Once for each process, at its start. */
export function watchRechecks(
  fields: readonly AnyField[],
  options: Pick<WebhookSyncOptions, 'limits'> = {},
): void {
  const tried = new Map<string, number>()

  function carryOn(webhookId: string, notes: readonly unknown[]): void {
    const { clock, defer } = processPorts()
    const queue = parseQueue(notes)
    const lately = clock.monotonic() - (tried.get(webhookId) ?? Number.NEGATIVE_INFINITY) < PAUSE_MS
    if (lately || queue.base === null || !isAbandoned(queue, clock.now())) return
    const look = nextSync(queue, clock.now())
    if (look === null) return
    tried.set(webhookId, clock.monotonic())
    const hook = { baseId: queue.base, webhookId }
    defer(async () => {
      await drainPingQueue(hook, createWebhookSync(fields, options), fieldRuntime(), look)
    })
  }

  const companions = processState('companions', createCompanions)
  const others = companions.all.filter(({ kind }) => kind !== QUEUE_KIND)
  const looks: Companion = {
    kind: QUEUE_KIND,
    names: () => [...webhookSecrets().keys()].flatMap(queueRecordNames),
    seen(notes) {
      for (const [index, webhookId] of [...webhookSecrets().keys()].entries())
        carryOn(webhookId, notes.slice(2 * index, 2 * index + 2))
    },
  }
  companions.all = [...others, looks]
}

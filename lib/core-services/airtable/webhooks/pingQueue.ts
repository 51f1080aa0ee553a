/**
 * Turns pings into syncs, one after the other; the last begins after the last ping. Pings and rechecks share one queue
 * (recheckQueue.ts), one lock and one rule for failures.
 *
 * No ping is lost between two instances: one announces its ping before it tries the lock, the other reads the queue once
 * more after it has released the lock. The next process that reads a field finds the queue of a dead instance.
 */

import { getErrorCode, getErrorMessage, hasCode, isCodedError } from '../../../shared/errors'
import type { WebhookCause } from '../../../shared/events'
import type { LockHolder } from '../../cache/coordination/lockOptions'
import type { Locks } from '../../cache/coordination/locks'
import { isRedisFailure } from '../../cache/errors'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { reportDegraded } from '../../cache/redis/reportDegraded'
import {
  afterFailure,
  afterSync,
  nextSync,
  openRecheckQueue,
  PING_SYNC,
  type QueuedSync,
  type RecheckQueue,
} from './recheckQueue'
import type { Hook, Ping } from './verifyPing'

/**
 * Syncs of one webhook never overlap. When `signal` is aborted that is no longer certain, and nothing more may be
 * written. `since`: for a recheck, when the first sync that asked for it began, in ms since 1970.
 */
export type WebhookSync = (
  hook: Hook,
  cause: WebhookCause,
  signal: AbortSignal,
  since?: number,
) => Promise<WebhookSyncResult>

export interface WebhookSyncResult {
  /** The delay of the recheck that is needed because a read may have been too old, in ms; absent for none. */
  recheckAfterMs?: number | undefined
  /**
   * How long the next sync for a ping has to wait, in ms from the beginning of this one.
   * @default 0
   */
  pauseMs?: number
}

export type PingRuntime = Pick<CronRuntime, 'ports' | 'locks' | 'sharedRecords'>

/** Pings within this time are synced together, in ms. Typing into a cell makes a ping at each pause. */
const DEBOUNCE_MS = 300
/** How many times a sync is tried when its error says that a retry can help soon. */
const TRIES = 3
const LONGEST_PAUSE_SECONDS = 60
/** How long the lock of a dead holder lasts, in s. */
const LOCK_SECONDS = 10
/** How long the cron waits for a running sync: 20 times 500 ms. */
const CRON_PATIENCE = { retryCount: 20, retryDelay: 500 }

/**
 * Adds a ping to the queue, before its answer. Resolves with false for a replay, a ping that is not newer than the last
 * settled one. Rejects with a REDIS_ error when it was not added. Costs two billed commands, one for a replay.
 */
export async function announcePing(ping: Ping, { ports, sharedRecords }: PingRuntime): Promise<boolean> {
  const { webhookId: webhook, baseId: base, sentAt } = ping
  const queue = openRecheckQueue(ping, await sharedRecords())
  const { announced, settled } = await queue.read()
  const replayed = sentAt <= settled
  ports.emit({ type: 'webhook.pinged', webhook, base, replayed })
  if (!replayed && sentAt > announced) await queue.announce(sentAt)
  return !replayed
}

/**
 * Syncs until the queue is empty. Never rejects: a failure is one event and stays in the queue. Resolves with false after
 * a failure, and while another instance is syncing.
 */
export function drainPingQueue(
  hook: Hook,
  sync: WebhookSync,
  runtime: PingRuntime,
  first: QueuedSync = PING_SYNC,
): Promise<boolean> {
  return reportFailure(hook, runtime, async () => {
    const queue = openRecheckQueue(hook, await runtime.sharedRecords())
    return drainQueue({ hook, sync, runtime, queue }, first, 1)
  })
}

/**
 * Syncs without a ping, then drains the queue. Resolves with false when another instance was syncing all the time.
 * Rejects as `sync` does, and with a REDIS_ error.
 */
export async function drainNow(hook: Hook, sync: WebhookSync, runtime: PingRuntime): Promise<boolean> {
  const queue = openRecheckQueue(hook, await runtime.sharedRecords())
  const work = { hook, sync, runtime, queue }
  const drained = await withWebhookLock(hook, await runtime.locks(), CRON_PATIENCE, async ({ signal }) => {
    await syncNext(work, signal, 'cron')
  })
  await drainQueue(work, nextSync(await queue.read(), runtime.ports.clock.now()), 0)
  return drained
}

interface Work {
  hook: Hook
  sync: WebhookSync
  runtime: PingRuntime
  queue: RecheckQueue
}

/** False when another instance keeps the lock. The lock of a dead one ends during each of the `waits` waits. */
async function drainQueue(work: Work, first: QueuedSync | null, waits: number): Promise<boolean> {
  const { queue, runtime } = work
  const { clock } = runtime.ports
  const locks = await runtime.locks()
  let refusals = 0
  for (let next = first; next !== null; next = nextSync(await queue.read(), clock.now())) {
    while (clock.now() < next.at) await clock.sleep(next.at - clock.now())
    refusals = (await syncUnderLock(work, locks, next)) ? 0 : refusals + 1
    if (refusals > waits) return false
    if (refusals > 0) await clock.sleep((LOCK_SECONDS + 1) * 1000)
  }
  return true
}

/** False when another instance has the lock. */
function syncUnderLock(work: Work, locks: Locks, first: QueuedSync): Promise<boolean> {
  const { queue, runtime, hook } = work
  const { clock } = runtime.ports
  return withWebhookLock(hook, locks, { retryCount: 0 }, async ({ signal }) => {
    let current = first
    while (true) {
      if (current.cause === 'ping') await clock.sleep(DEBOUNCE_MS, signal)
      // Only pings are synced again under the same lock. After a recheck the queue is read without it.
      if ((await withRetries(work, signal, () => syncNext(work, signal))) !== 'ping') return
      const next = nextSync(await queue.read(), clock.now())
      if (next?.at !== 0) return
      current = next
    }
  })
}

/** Returns the cause of the sync; null when none was due. With `cron` it syncs in any case. */
async function syncNext(
  { hook, sync, runtime: { ports }, queue }: Work,
  signal: AbortSignal,
  forced?: 'cron',
): Promise<WebhookCause | null> {
  signal.throwIfAborted()
  const { webhookId: webhook, baseId: base } = hook
  const { clock, emit } = ports
  const before = await queue.read()
  const [began, started] = [clock.now(), clock.monotonic()]
  const next = nextSync(before, began)
  const cause = forced ?? (next !== null && next.at === 0 ? next.cause : null)
  if (cause === null) return null
  const since = cause === 'recheck' && next !== null ? [next.since] : []
  const { recheckAfterMs, pauseMs } = await sync(hook, cause, signal, ...since)
  signal.throwIfAborted()
  const recheckAt = recheckAfterMs === undefined ? undefined : clock.now() + recheckAfterMs
  await queue.replace(before, afterSync(before, { cause, began, recheckAt, pauseMs }))
  emit({ type: 'webhook.processed', webhook, base, cause, durationMs: clock.monotonic() - started })
  return cause
}

/** Retries when the error says that this can help soon. A sync that still fails stays in the queue. */
async function withRetries<T>(
  { runtime: { ports }, queue }: Work,
  signal: AbortSignal,
  task: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task()
    } catch (error) {
      // Without Redis the queue is unknown, and without the lock another instance may be syncing.
      if (isRedisFailure(error) || signal.aborted || ports.isControlFlow(error)) throw error
      const seconds = isCodedError(error) ? error.retryAfter : undefined
      if (seconds === undefined || seconds > LONGEST_PAUSE_SECONDS || tries === TRIES) {
        const before = await queue.read()
        await queue.replace(before, afterFailure(before, ports.clock.now(), seconds))
        throw error
      }
      await ports.clock.sleep(seconds * 1000, signal)
    }
  }
}

/** False when another instance has the lock. */
async function withWebhookLock(
  { webhookId }: Hook,
  locks: Locks,
  patience: { retryCount: number; retryDelay?: number },
  work: (holder: LockHolder) => Promise<void>,
): Promise<boolean> {
  try {
    await locks.withLock(`webhook:${webhookId}`, work, LOCK_SECONDS, patience)
    return true
  } catch (error) {
    if (hasCode(error, 'LOCK_NOT_ACQUIRED', 'LOCK_LOST')) return false
    throw error
  }
}

async function reportFailure(
  { webhookId: webhook, baseId: base }: Hook,
  { ports }: PingRuntime,
  work: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await work()
  } catch (error) {
    if (ports.isControlFlow(error)) throw error
    const [code, message] = [getErrorCode(error), getErrorMessage(error)]
    if (isRedisFailure(error)) reportDegraded(ports, 'webhook', error)
    else ports.emit({ type: 'webhook.failed', webhook, base, code, message })
    return false
  }
}

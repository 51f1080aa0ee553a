/**
 * From the doorbell to the looks: any number of pings, in any number of instances, lead to looks one after the other, of
 * which the last begins after the last ping has come. A look reads what has changed since the last one, and may ask for a
 * second one. Both are in one queue (`recheckQueue.ts`), under one lock, and fail by one rule.
 *
 * An instance that has announced a ping tries the lock; one that has given back the lock reads the queue once more, so the
 * second of the two sees the other. What is left by an instance that dies, is found by the next one that reads any field.
 */

import { getErrorCode, getErrorMessage, hasCode, isCodedError } from '../../../shared/errors'
import type { WebhookCause } from '../../../shared/events'
import type { LockHolder } from '../../cache/coordination/lockOptions'
import type { Locks } from '../../cache/coordination/locks'
import { isRedisFailure } from '../../cache/errors'
import type { CronRuntime } from '../../cache/fields/fieldRuntime'
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
 * Reads what has changed since the last drain and has the fields follow. Resolves once they do; drains of one webhook
 * never overlap. The signal is aborted when that is no longer certain: stop writing. Answers after how many ms it wants
 * to be called once more, with the cause `again`, because what it has read may have been too old; else undefined.
 * `since`: when the first of the drains began that have asked for this one, in ms since 1970. The answer can tell besides how
 * long the next drain for a ping has to wait, in ms, counted from the beginning of this one.
 */
export type WebhookSync = (
  hook: Hook,
  cause: WebhookCause,
  signal: AbortSignal,
  since?: number,
) => Promise<number | undefined | Rest>

export interface Rest {
  again: number | undefined
  restMs: number
}

export type PingRuntime = Pick<CronRuntime, 'ports' | 'locks' | 'sharedRecords'>

/** Whoever types makes a ping for each pause: what comes within this time is drained together, in ms. */
const DEBOUNCE_MS = 300
/** A drain that fails is tried so often in all, if its error says after how many seconds that can help. */
const TRIES = 3
const LONGEST_PAUSE_SECONDS = 60
/** How long a holder that has died keeps others away, in s. */
const LOCK_SECONDS = 10
/** The cron waits about so long for a drain that is under way. */
const CRON_PATIENCE = { retryCount: 20, retryDelay: 500 }

/**
 * Notes the ping for all instances: from then on it is not forgotten, so this comes before it is answered. False for one
 * that is not newer than the last one that was settled, which is a replay. Rejects with a REDIS_ error when it could not
 * be noted. Two billed commands, one for a replay.
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
 * Looks until nothing is left in the queue, pings that come meanwhile included. Never rejects: what fails is one event, and
 * stays in the queue. False for what failed, and while another instance is at it.
 */
export function drainPingQueue(
  hook: Hook,
  drain: WebhookSync,
  runtime: PingRuntime,
  first: QueuedSync = PING_SYNC,
): Promise<boolean> {
  return reportFailure(hook, runtime, async () => {
    const queue = openRecheckQueue(hook, await runtime.sharedRecords())
    return drainQueue({ hook, drain, runtime, queue }, first, 1)
  })
}

/**
 * Drains now, without having been asked to, then as above. False if another instance was at it all the time. Rejects as
 * `drain` does, and with a REDIS_ error.
 */
export async function drainNow(hook: Hook, drain: WebhookSync, runtime: PingRuntime): Promise<boolean> {
  const queue = openRecheckQueue(hook, await runtime.sharedRecords())
  const work = { hook, drain, runtime, queue }
  const drained = await withWebhookLock(hook, await runtime.locks(), CRON_PATIENCE, async ({ signal }) => {
    await syncNext(work, signal, 'cron')
  })
  await drainQueue(work, nextSync(await queue.read(), runtime.ports.clock.now()), 0)
  return drained
}

interface Work {
  hook: Hook
  drain: WebhookSync
  runtime: PingRuntime
  queue: RecheckQueue
}

/** False when another instance has the lock, and still has it after so many `waits` for a dead one to lose it. */
async function drainQueue(work: Work, first: QueuedSync | null, waits: number): Promise<boolean> {
  const { queue, runtime } = work
  const { clock } = runtime.ports
  const locks = await runtime.locks()
  let refusals = 0
  for (let look = first; look !== null; look = nextSync(await queue.read(), clock.now())) {
    // Without the lock until it is time, so that pings that come meanwhile need not wait.
    while (clock.now() < look.at) await clock.sleep(look.at - clock.now())
    refusals = (await syncUnderLock(work, locks, look)) ? 0 : refusals + 1
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
    let look = first
    while (true) {
      if (look.cause === 'ping') await clock.sleep(DEBOUNCE_MS, signal)
      // Only typing brings the next one at once; for all else the queue is read when the lock is free again.
      if ((await withRetries(work, signal, () => syncNext(work, signal))) !== 'ping') return
      const next = nextSync(await queue.read(), clock.now())
      if (next?.at !== 0) return
      look = next
    }
  })
}

/** What is due, if anything still is; `cron`: in any case. Answers what it was. */
async function syncNext(
  { hook, drain, runtime: { ports }, queue }: Work,
  signal: AbortSignal,
  unasked?: 'cron',
): Promise<WebhookCause | null> {
  signal.throwIfAborted()
  const { webhookId: webhook, baseId: base } = hook
  const { clock, emit } = ports
  const before = await queue.read()
  const [began, started] = [clock.now(), clock.monotonic()]
  const look = nextSync(before, began)
  const cause = unasked ?? (look !== null && look.at === 0 ? look.cause : null)
  if (cause === null) return null
  const since = cause === 'recheck' && look !== null ? [look.since] : []
  const answer = await drain(hook, cause, signal, ...since)
  const { again: againAfterMs, restMs } = typeof answer === 'object' ? answer : { again: answer, restMs: 0 }
  signal.throwIfAborted()
  const again = againAfterMs === undefined ? undefined : clock.now() + againAfterMs
  await queue.replace(before, afterSync(before, cause, began, again, restMs))
  emit({ type: 'webhook.processed', webhook, base, cause, durationMs: clock.monotonic() - started })
  return cause
}

/** Tries again where the error says that it can help soon. What fails all the same is left in the queue for later. */
async function withRetries<T>(
  { runtime: { ports }, queue }: Work,
  signal: AbortSignal,
  look: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await look()
    } catch (error) {
      // Without Redis nobody knows what is pending, and without the lock another instance may be at it.
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

/** False when somebody else has the lock. */
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
    const told = { code: getErrorCode(error), message: getErrorMessage(error) }
    if (isRedisFailure(error)) ports.emit({ type: 'redis.degraded', operation: 'webhook', ...told })
    else ports.emit({ type: 'webhook.failed', webhook, base, ...told })
    return false
  }
}

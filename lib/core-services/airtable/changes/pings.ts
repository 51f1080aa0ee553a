/**
 * From the doorbell to the drain: any number of pings, in any number of instances, lead to drains one after the other,
 * of which the last begins after the last ping has come. A drain reads what has changed since the last one.
 *
 * Two times per webhook stand in Redis, both of pings, so that only Airtable's clock counts: that of the newest ping
 * that was *announced*, and that of the newest one that was there when a drain began that has ended well, *settled*.
 * While the first is greater, somebody has to drain. Who has noted a ping tries the lock; who has given back the lock
 * looks once more, so whichever comes second sees the other.
 */
import { codeOf, hasCode, isCodedError, isRedisFailure, messageOf } from '../../cache/engine/errors'
import type { WebhookCause } from '../../cache/engine/events'
import type { LockHolder, Locks } from '../../cache/engine/lock'
import type { Notes } from '../../cache/engine/notes'
import type { CronRuntime } from '../../cache/fieldRuntime'
import type { Hook, Ping } from './verifiedPing'

/**
 * Reads what has changed since the last drain and has the fields follow. Resolves once they do; drains of one webhook
 * never overlap. The signal is aborted when that is no longer certain: stop writing. Answers after how many ms it wants
 * to be called once more, with the cause `again`, because what it has read may have been too old; else undefined.
 */
export type Drain = (hook: Hook, cause: WebhookCause, signal: AbortSignal) => Promise<number | undefined>

export type PingRuntime = Pick<CronRuntime, 'ports' | 'locks' | 'notes'>

/** Whoever types makes a ping for each pause: what comes within this time is drained together, in ms. */
const DEBOUNCE_MS = 300
/** A drain that fails is tried so often in all, if its error says after how many seconds that can help. */
const TRIES = 3
const LONGEST_PAUSE_SECONDS = 60
/** How long a holder that has died keeps others away, in s. */
const LOCK_SECONDS = 10
/** The cron waits about so long for a drain that is under way. */
const CRON_PATIENCE = { retryCount: 20, retryDelay: 500 }

const KIND = 'ping'
/** Longer than Airtable keeps payloads, in s. */
const KEPT_SECONDS = 30 * 86_400

/**
 * Drains until nothing is left that this ping, or one that came meanwhile, has announced. One that is not newer than
 * the last one that was settled is a replay, and costs no drain. Never rejects: what fails is one event, and left to the
 * next ping or the cron. False for what failed, and while somebody else is at it.
 */
export async function receivePing(ping: Ping, drain: Drain, runtime: PingRuntime): Promise<boolean> {
  const { emit, clock } = runtime.ports
  const { webhookId: webhook, baseId: base } = ping
  return failingSoftly(ping, runtime, async () => {
    const times = timesOf(ping, await runtime.notes())
    const { announced, settled } = await times.read()
    const replayed = ping.sentAt <= settled
    emit({ type: 'webhook.pinged', webhook, base, replayed })
    if (replayed) return true
    if (ping.sentAt > announced) await times.announce(ping.sentAt)
    if (await drainAll(ping, drain, runtime, times)) return true
    // Somebody has the lock. Had he died, it would be free by then; if he works, he will have seen this ping.
    await clock.sleep((LOCK_SECONDS + 1) * 1000)
    return drainAll(ping, drain, runtime, times)
  })
}

/**
 * Drains now, without having been asked to, then as above. False if somebody else was at it all the time. Rejects as
 * `drain` does, and with a REDIS_ error.
 */
export async function drainUnasked(hook: Hook, drain: Drain, runtime: PingRuntime): Promise<boolean> {
  const times = timesOf(hook, await runtime.notes())
  const once: Drained = { againAfterMs: undefined }
  const drained = await underLock(hook, await runtime.locks(), CRON_PATIENCE, ({ signal }) =>
    drainOnce(hook, 'cron', signal, drain, runtime, times, once),
  )
  await drainAgain(hook, drain, runtime, times, once)
  await drainAll(hook, drain, runtime, times)
  return drained
}

/** What drains have asked for. */
interface Drained {
  againAfterMs: number | undefined
}

/** Drains what is pending, and once more where that was asked for. False when somebody else has the lock. */
async function drainAll(hook: Hook, drain: Drain, runtime: PingRuntime, times: PingTimes): Promise<boolean> {
  const drained: Drained = { againAfterMs: undefined }
  const alone = await drainPending(hook, drain, runtime, times, drained)
  await drainAgain(hook, drain, runtime, times, drained)
  return alone
}

/** Without the lock until it is time, so that pings that come meanwhile need not wait. */
async function drainAgain(
  hook: Hook,
  drain: Drain,
  runtime: PingRuntime,
  times: PingTimes,
  drained: Drained,
): Promise<void> {
  if (drained.againAfterMs === undefined) return
  await runtime.ports.clock.sleep(drained.againAfterMs)
  await underLock(hook, await runtime.locks(), CRON_PATIENCE, ({ signal }) =>
    drainOnce(hook, 'again', signal, drain, runtime, times, drained),
  )
}

/** False when somebody else has the lock. */
async function drainPending(
  hook: Hook,
  drain: Drain,
  runtime: PingRuntime,
  times: PingTimes,
  drained: Drained,
): Promise<boolean> {
  const locks = await runtime.locks()
  while (await times.pending()) {
    const alone = await underLock(hook, locks, { retryCount: 0 }, async ({ signal }) => {
      while (await times.pending()) {
        await runtime.ports.clock.sleep(DEBOUNCE_MS, signal)
        await patiently(runtime, signal, () =>
          drainOnce(hook, 'ping', signal, drain, runtime, times, drained),
        )
      }
    })
    if (!alone) return false
  }
  return true
}

async function drainOnce(
  hook: Hook,
  cause: WebhookCause,
  signal: AbortSignal,
  drain: Drain,
  { ports }: PingRuntime,
  times: PingTimes,
  drained: Drained,
): Promise<void> {
  signal.throwIfAborted()
  const { webhookId: webhook, baseId: base } = hook
  const started = ports.clock.monotonic()
  const { announced, settled } = await times.read()
  drained.againAfterMs = await drain(hook, cause, signal)
  // Who looks again does not look for what is new.
  if (cause !== 'again' && announced > settled) await times.settle(announced)
  ports.emit({
    type: 'webhook.drained',
    webhook,
    base,
    cause,
    durationMs: ports.clock.monotonic() - started,
  })
}

async function patiently(
  { ports: { clock } }: PingRuntime,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      const seconds = isCodedError(error) ? error.retryAfter : undefined
      if (seconds === undefined || seconds > LONGEST_PAUSE_SECONDS || tries === TRIES) throw error
      // Without Redis nobody knows what is pending.
      if (isRedisFailure(error)) throw error
      await clock.sleep(seconds * 1000, signal)
    }
  }
}

/** False when somebody else has the lock. */
async function underLock(
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

async function failingSoftly(
  { webhookId: webhook, baseId: base }: Hook,
  { ports }: PingRuntime,
  work: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await work()
  } catch (error) {
    if (ports.isControlFlow(error)) throw error
    const told = { code: codeOf(error), message: messageOf(error) }
    if (isRedisFailure(error)) ports.emit({ type: 'redis.degraded', operation: 'webhook', ...told })
    else ports.emit({ type: 'webhook.failed', webhook, base, ...told })
    return false
  }
}

interface PingTimes {
  /** In ms since 1970; 0 for none. */
  read(): Promise<{ announced: number; settled: number }>
  pending(): Promise<boolean>
  announce(sentAt: number): Promise<void>
  settle(sentAt: number): Promise<void>
}

function timesOf({ webhookId }: Hook, notes: Notes): PingTimes {
  const names = [`${webhookId}:announced`, `${webhookId}:settled`] as const
  const read = async () => {
    const [announced, settled] = await notes.read<number>(KIND, names)
    return { announced: announced ?? 0, settled: settled ?? 0 }
  }
  return {
    read,
    async pending() {
      const { announced, settled } = await read()
      return announced > settled
    },
    announce: (sentAt) => notes.write(KIND, names[0], sentAt, KEPT_SECONDS),
    settle: (sentAt) => notes.write(KIND, names[1], sentAt, KEPT_SECONDS),
  }
}

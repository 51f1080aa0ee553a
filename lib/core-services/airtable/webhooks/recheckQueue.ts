/**
 * The syncs that are due for a webhook: one queue in Redis. An announced ping is due at once. A recheck, which reads
 * lagging records again, is due later. The holder of the webhook's lock writes everything but announcements.
 */
import type { SharedRecords } from '../../cache/coordination/records'
import type { Hook } from './verifyPing'

/** Reads again what an earlier sync may have read too old. */
export interface Recheck {
  /** When it is due, in ms since 1970. */
  at: number
  /** When the first sync that asked for it began, in ms since 1970. Reads since then may be too old. */
  since: number
}

export interface QueueState {
  /** The base of the webhook; null while nothing is stored. */
  base: string | null
  /** When the newest announced ping was sent, by Airtable's clock in ms since 1970; 0 for none. */
  announced: number
  /** The value of `announced` when the last successful sync began. */
  settled: number
  /** When the next sync for a ping may begin, in ms since 1970; 0 or absent for any time. See `TableSource.syncEvery`. */
  pausedUntil?: number | undefined
  /** At most two, the earlier one first. Further rechecks are merged into the later one. */
  rechecks: readonly Recheck[]
  failures: number
  /** When an instance may retry a failed sync without a new ping, in ms since 1970. */
  notBefore: number
}

export interface QueuedSync {
  cause: 'ping' | 'recheck'
  /** When it is due, in ms since 1970; 0 for at once. */
  at: number
  /** See `Recheck`; 0 for a ping. */
  since: number
}

/** A due time further ahead comes from a wrong clock and counts as due now. In ms. */
const LONGEST_WAIT_MS = 60_000
/** How late a sync must be before another instance takes it over, in ms. The lock of a dead holder lasts as long. */
const GRACE_MS = 10_000
const FIRST_PAUSE_MS = 10_000
const LONGEST_PAUSE_MS = 300_000

export const PING_SYNC: QueuedSync = { cause: 'ping', at: 0, since: 0 }

/**
 * Returns null for an empty queue. A recheck that is due goes first, so that steady pings cannot put it off. After a
 * failure the other kind goes first, so that an unreadable field does not keep the others from newer changes.
 */
export function nextSync(
  { announced, settled, pausedUntil = 0, rechecks: [recheck], failures }: QueueState,
  now: number,
): QueuedSync | null {
  const isPending = announced > settled
  const mayBegin = isPending && isDue(pausedUntil, now)
  if (recheck && isDue(recheck.at, now) && !(mayBegin && failures % 2 === 1))
    return { cause: 'recheck', at: 0, since: recheck.since }
  if (mayBegin) return PING_SYNC
  if (recheck && !(isPending && pausedUntil < recheck.at)) return { cause: 'recheck', ...recheck }
  return isPending ? { ...PING_SYNC, at: pausedUntil } : null
}

/** A sync this late was left by an instance that has died or failed. The process that notices it takes the sync over. */
export function isAbandoned(
  { announced, settled, pausedUntil = 0, rechecks, failures, notBefore }: QueueState,
  now: number,
): boolean {
  if (failures > 0 && now < notBefore && notBefore <= now + LONGEST_PAUSE_MS) return false
  const dues = [
    ...(announced > settled ? [Math.max(announced, pausedUntil)] : []),
    ...rechecks.map(({ at }) => at),
  ]
  return dues.some((due) => isDue(due + GRACE_MS, now))
}

const isDue = (due: number, now: number): boolean => due <= now || due > now + LONGEST_WAIT_MS

interface FinishedSync {
  cause: QueuedSync['cause'] | 'cron'
  /** When the sync began, in ms since 1970. */
  began: number
  /** When a recheck is needed, in ms since 1970; undefined for none. */
  recheckAt: number | undefined
  /**
   * How long after `began` the next sync for a ping has to wait, in ms.
   * @default 0
   */
  pauseMs?: number | undefined
}

export function afterSync(
  queue: QueueState,
  { cause, began, recheckAt, pauseMs = 0 }: FinishedSync,
): QueueState {
  const { announced, settled, rechecks } = queue
  const left = cause === 'recheck' ? rechecks.filter(({ at }) => !isDue(at, began)) : rechecks
  return {
    ...queue,
    settled: cause === 'recheck' ? settled : Math.max(settled, announced),
    pausedUntil: cause === 'recheck' ? queue.pausedUntil : pauseMs > 0 ? began + pauseMs : undefined,
    rechecks: recheckAt === undefined ? left : merge([...left, { at: recheckAt, since: began }]),
    failures: 0,
    notBefore: 0,
  }
}

/** Keeps the earliest, so that it is not put off, and merges the others into one at the time of the last. */
function merge(rechecks: readonly Recheck[]): Recheck[] {
  const [first, ...others] = [...rechecks].sort((one, other) => one.at - other.at)
  const last = others.at(-1)
  if (!first || !last) return first ? [first] : []
  return [first, { at: last.at, since: Math.min(...others.map(({ since }) => since)) }]
}

/** `retryAfterSeconds`: how long the source asks to wait, if it says so. */
export function afterFailure(queue: QueueState, now: number, retryAfterSeconds = 0): QueueState {
  const pause = Math.max(FIRST_PAUSE_MS * 2 ** Math.min(queue.failures, 10), retryAfterSeconds * 1000)
  return { ...queue, failures: queue.failures + 1, notBefore: now + Math.min(pause, LONGEST_PAUSE_MS) }
}

export interface RecheckQueue {
  /** Costs one billed command. */
  read(): Promise<QueueState>
  /** Adds a ping. `sentAt`: when it was sent, in ms since 1970. */
  announce(sentAt: number): Promise<void>
  /** For the holder of the lock only. Costs no command when nothing has changed. */
  replace(before: QueueState, after: QueueState): Promise<void>
}

/** Part of the stored keys. */
export const QUEUE_KIND = 'look'
/** Longer than Airtable keeps payloads, in s. */
const KEPT_SECONDS = 30 * 86_400

export const queueRecordNames = (webhookId: string) =>
  [`${webhookId}:announced`, `${webhookId}:worked`] as const

/** Each method rejects with a REDIS_ error. */
export function openRecheckQueue({ webhookId, baseId }: Hook, records: SharedRecords): RecheckQueue {
  const names = queueRecordNames(webhookId)
  return {
    read: async () => parseQueue(await records.read(QUEUE_KIND, names)),
    async announce(sentAt) {
      let newest = sentAt
      while (true) {
        const replaced = await records.exchange(QUEUE_KIND, names[0], [newest, baseId], KEPT_SECONDS)
        const before = number(list(replaced)[0])
        // Another instance has announced a newer ping meanwhile. A sync that began before that ping must not settle it.
        if (before <= newest) return
        newest = before
      }
    },
    async replace(before, after) {
      const text = toStoredState(after)
      if (JSON.stringify(text) === JSON.stringify(toStoredState(before))) return
      await records.write(QUEUE_KIND, names[1], [baseId, ...text], KEPT_SECONDS)
    },
  }
}

const toStoredState = ({ settled, rechecks, failures, notBefore, pausedUntil = 0 }: QueueState) => [
  settled,
  rechecks.map(({ at, since }) => [at, since]),
  failures,
  notBefore,
  ...(pausedUntil > 0 ? [pausedUntil] : []),
]

/** An unreadable record counts as empty, which costs at worst one sync too many. */
export function parseQueue([announced, worked]: readonly unknown[]): QueueState {
  const [sentAt, announcedBase] = list(announced)
  const [workedBase, settled, rechecks, failures, notBefore, pausedUntil] = list(worked)
  const base = [announcedBase, workedBase].find((one) => typeof one === 'string')
  return {
    base: base === undefined ? null : String(base),
    announced: number(sentAt),
    settled: number(settled),
    pausedUntil: number(pausedUntil) || undefined,
    rechecks: list(rechecks).map((recheck) => ({
      at: number(list(recheck)[0]),
      since: number(list(recheck)[1]),
    })),
    failures: number(failures),
    notBefore: number(notBefore),
  }
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const number = (value: unknown): number => (typeof value === 'number' ? value : 0)

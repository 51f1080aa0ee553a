/**
 * What is to be looked at of each webhook, and not before when: one queue in Redis for all instances, so that it outlives
 * each of them. A first look is due at once when a ping was announced that no look has settled. A second look is due at
 * the time that the first one has asked for. Pings are announced without a lock; everything else is written by the
 * instance that holds the lock of the webhook.
 */
import type { SharedRecords } from '../../cache/coordination/records'
import type { Hook } from './verifyPing'

/** A second look. */
export interface Recheck {
  /** Not before, in ms since 1970. */
  at: number
  /** When the first look began, in ms since 1970: what was read since then may be too old. */
  since: number
}

export interface Queue {
  /** The base of the webhook; null while nothing is known of it. */
  base: string | null
  /** The newest ping that was announced, by Airtable's clock in ms since 1970; 0 for none. */
  announced: number
  /** The newest ping that was announced before a look began that has ended well. */
  settled: number
  /** When the next first look may begin, in ms since 1970; 0: at any time (`TableSource.syncEvery`). */
  rested?: number | undefined
  /** Two at most, the earlier one first: more are merged into the later one. */
  later: readonly Recheck[]
  /** How many looks have failed one after the other. */
  failures: number
  /** After a failure: when the next instance may try without being asked to, in ms since 1970. */
  notBefore: number
}

export interface QueuedSync {
  cause: 'ping' | 'recheck'
  /** In ms since 1970; 0: at once. */
  at: number
  /** For a second look: see `Recheck`. */
  since: number
}

/** Nothing is put off for longer; a time that is further away comes from a clock that is wrong. In ms. */
const LONGEST_WAIT_MS = 60_000
/** Whoever is at it is given so much time before another instance carries on, in ms. A dead holder keeps its lock as long. */
const GRACE_MS = 10_000
const FIRST_PAUSE_MS = 10_000
const LONGEST_PAUSE_MS = 300_000

export const PING_SYNC: QueuedSync = { cause: 'ping', at: 0, since: 0 }

/**
 * Null when nothing is left to look at. A second look that is due goes first: pings that keep coming cannot put it off. After
 * a failure the other one goes first: a field that cannot be read must not keep all others from what has changed since.
 */
export function nextSync(
  { announced, settled, rested = 0, later: [second], failures }: Queue,
  now: number,
): QueuedSync | null {
  const isPending = announced > settled
  const mayBegin = isPending && hasCome(rested, now)
  if (second && hasCome(second.at, now) && !(mayBegin && failures % 2 === 1))
    return { cause: 'recheck', at: 0, since: second.since }
  if (mayBegin) return PING_SYNC
  if (second && !(isPending && rested < second.at)) return { cause: 'recheck', ...second }
  return isPending ? { ...PING_SYNC, at: rested } : null
}

/** Whether nobody seems to be at it any more, so that a process that happens to see it shall carry on. */
export function isAbandoned(
  { announced, settled, rested = 0, later, failures, notBefore }: Queue,
  now: number,
): boolean {
  if (failures > 0 && now < notBefore && notBefore <= now + LONGEST_PAUSE_MS) return false
  const dues = [...(announced > settled ? [Math.max(announced, rested)] : []), ...later.map(({ at }) => at)]
  return dues.some((due) => hasCome(due + GRACE_MS, now))
}

const hasCome = (due: number, now: number): boolean => due <= now || due > now + LONGEST_WAIT_MS

/**
 * What is left after a look that began at `began` and wants another one at `again`, if any; `restMs`: how long it keeps the
 * next first look away.
 */
export function afterSync(
  queue: Queue,
  cause: QueuedSync['cause'] | 'cron',
  began: number,
  again: number | undefined,
  restMs = 0,
): Queue {
  const { announced, settled, later } = queue
  const left = cause === 'recheck' ? later.filter(({ at }) => !hasCome(at, began)) : later
  return {
    ...queue,
    settled: cause === 'recheck' ? settled : Math.max(settled, announced),
    rested: cause === 'recheck' ? queue.rested : restMs > 0 ? began + restMs : undefined,
    later: again === undefined ? left : merged([...left, { at: again, since: began }]),
    failures: 0,
    notBefore: 0,
  }
}

/** The earliest stays as it is, so that it is not put off; the others become one at the time of the last of them. */
function merged(looks: readonly Recheck[]): Recheck[] {
  const [first, ...others] = [...looks].sort((one, other) => one.at - other.at)
  const last = others.at(-1)
  if (!first || !last) return first ? [first] : []
  return [first, { at: last.at, since: Math.min(...others.map(({ since }) => since)) }]
}

/** `retryAfterSeconds`: when the source says that it makes sense to ask again. */
export function afterFailure(queue: Queue, now: number, retryAfterSeconds = 0): Queue {
  const pause = Math.max(FIRST_PAUSE_MS * 2 ** Math.min(queue.failures, 10), retryAfterSeconds * 1000)
  return { ...queue, failures: queue.failures + 1, notBefore: now + Math.min(pause, LONGEST_PAUSE_MS) }
}

export interface RecheckQueue {
  /** One billed command. */
  read(): Promise<Queue>
  /** The time of a ping, in ms since 1970. */
  announce(sentAt: number): Promise<void>
  /** Only for the holder of the lock. Costs nothing where nothing has changed. */
  replace(before: Queue, after: Queue): Promise<void>
}

export const QUEUE_KIND = 'look'
/** Longer than Airtable keeps payloads, in s. */
const KEPT_SECONDS = 30 * 86_400

/** The names of the notes that `parseQueue` reads. */
export const queueRecordNames = (webhookId: string) =>
  [`${webhookId}:announced`, `${webhookId}:worked`] as const

/** Each method rejects with a REDIS_ error. */
export function openRecheckQueue({ webhookId, baseId }: Hook, notes: SharedRecords): RecheckQueue {
  const names = queueRecordNames(webhookId)
  return {
    read: async () => parseQueue(await notes.read(QUEUE_KIND, names)),
    async announce(sentAt) {
      let newest = sentAt
      while (true) {
        const replaced = await notes.exchange(QUEUE_KIND, names[0], [newest, baseId], KEPT_SECONDS)
        const before = number(list(replaced)[0])
        // Another instance has announced a newer ping meanwhile, which a look that began before it must not settle.
        if (before <= newest) return
        newest = before
      }
    },
    async replace(before, after) {
      const text = toStoredState(after)
      if (JSON.stringify(text) === JSON.stringify(toStoredState(before))) return
      await notes.write(QUEUE_KIND, names[1], [baseId, ...text], KEPT_SECONDS)
    },
  }
}

const toStoredState = ({ settled, later, failures, notBefore, rested = 0 }: Queue) => [
  settled,
  later.map(({ at, since }) => [at, since]),
  failures,
  notBefore,
  ...(rested > 0 ? [rested] : []),
]

/** What cannot be read counts as nothing: then a look too many is taken. */
export function parseQueue([announced, worked]: readonly unknown[]): Queue {
  const [sentAt, announcedBase] = list(announced)
  const [workedBase, settled, later, failures, notBefore, rested] = list(worked)
  const base = [announcedBase, workedBase].find((one) => typeof one === 'string')
  return {
    base: base === undefined ? null : String(base),
    announced: number(sentAt),
    settled: number(settled),
    rested: number(rested) || undefined,
    later: list(later).map((look) => ({ at: number(list(look)[0]), since: number(list(look)[1]) })),
    failures: number(failures),
    notBefore: number(notBefore),
  }
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const number = (value: unknown): number => (typeof value === 'number' ? value : 0)

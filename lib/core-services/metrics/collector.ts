/** Makes counts of events: in memory, bounded, a few of them for each event. The names are read by summarize.ts. */

import type { Clock } from '../../shared/clock'
import type { EventType, FieldCacheEvent, RefreshReason } from '../../shared/events'
import { add, emptyTally, nameOf, note, type Tally } from './counts'
import { bucketOf } from './histogram'
import type { CronOutcome, RefreshOutcome } from './snapshot'

export interface Collector {
  /** True when it was counted and tells of work for somebody: that is worth telling the others. */
  record(event: FieldCacheEvent): boolean
  /** What was counted since it was taken last. */
  take(): Tally
  readonly tally: Tally
}

/** How many names of fields a process counts apart. */
const MOST_NAMES = 100
/** What fields are called that have no proper name, such as keys of `refreshCache`, and those past the limit. */
export const OTHER = 'other'

/** How many records with flaws are told of by their ids. */
const MOST_IDS = 5

/** What a process does for its own sake: counted, but no reason to tell the others. */
const OWN_WORK = new Set<EventType>(['redis.requested', 'redis.retried', 'breaker.changed'])

export function createCollector(clock: () => Pick<Clock, 'now'>): Collector {
  const names = new Set<string>()
  let tally = emptyTally()

  function labelOf(field: string): string {
    if (names.has(field)) return field
    if (names.size >= MOST_NAMES || !/^[a-z][a-z0-9-]{0,59}$/.test(field)) return OTHER
    names.add(field)
    return field
  }

  const count = (...parts: (string | number)[]) => add(tally, nameOf(...parts))
  const sum = (amount: number, ...parts: string[]) => add(tally, nameOf(...parts), amount)
  const duration = (milliseconds: number, ...parts: string[]) => {
    count(...parts, bucketOf(milliseconds))
    sum(milliseconds, ...parts, 'ms')
  }

  function refreshed(
    field: string,
    reason: RefreshReason,
    outcome: RefreshOutcome,
    durationMs: number,
    ...rest: (string | number)[]
  ): void {
    count('refresh', field, reason, outcome)
    duration(durationMs, 'took', field)
    const kind = outcome === 'failed' ? 'failure' : 'success'
    note(tally, nameOf(kind, field), clock().now(), reason, Math.round(durationMs), ...rest)
  }

  function record(event: FieldCacheEvent): boolean {
    const field = 'field' in event ? labelOf(event.field) : ''
    switch (event.type) {
      case 'field.read':
        count('read', field, event.status)
        duration(event.durationMs, 'wait', field)
        break
      case 'field.failed':
        count('unread', field)
        break
      case 'field.charged':
        sum(event.commands, 'cmd', field)
        sum(event.bytesRead, 'in', field)
        sum(event.bytesWritten, 'out', field)
        break
      case 'refresh.started':
        count('call', field)
        break
      case 'refresh.finished': {
        const { reason, stored, durationMs, bytes, items } = event
        const outcome = stored ? 'stored' : 'unstored'
        refreshed(field, reason, outcome, durationMs, bytes, items ?? '', outcome)
        break
      }
      case 'refresh.failed':
        refreshed(field, event.reason, 'failed', event.durationMs, event.cause ?? event.code)
        break
      case 'refresh.paused':
        count('refresh', field, event.reason, 'paused')
        break
      case 'redis.requested':
        sum(event.commands, 'redis', 'cmd')
        sum(event.requests, 'redis', 'req')
        sum(event.bytesSent, 'redis', 'out')
        sum(event.bytesReceived, 'redis', 'in')
        if (event.code !== null) count('redis', 'err', event.code)
        duration(event.durationMs, 'redis', 'took')
        break
      case 'redis.retried':
        count('redis', 'again')
        break
      case 'breaker.changed':
        count('breaker', event.to)
        break
      case 'lock.acquired':
      case 'lock.refused':
      case 'lock.lost':
        count('lock', event.type.slice('lock.'.length))
        break
      case 'field.invalidated':
        count('invalidated')
        break
      case 'source.flawed':
        note(
          tally,
          nameOf('flawed', field),
          clock().now(),
          event.unreadable,
          event.errors,
          ...event.ids.slice(0, MOST_IDS),
        )
        break
      case 'field.synced':
        count('changed', event.how)
        break
      case 'webhook.processed':
        // What stands in Redis keeps its name.
        count('webhook', 'drained')
        break
      case 'webhook.pinged':
      case 'webhook.failed':
      case 'webhook.dead':
        count('webhook', event.type.slice('webhook.'.length))
        break
      case 'airtable.requested':
        count('airtable', 'req')
        if (event.code !== null) count('airtable', 'err', event.code)
        break
      case 'cron.finished':
        count('cron', cronOutcome(event))
        if (cronOutcome(event) !== 'skipped') {
          const { durationMs, refreshed, fresh, skipped, failed, unfinished } = event
          const counts = [refreshed, fresh, skipped, failed, unfinished]
          note(tally, 'cron', clock().now(), cronOutcome(event), Math.round(durationMs), ...counts)
        }
        break
      default:
        return false
    }
    return !OWN_WORK.has(event.type)
  }

  return {
    record,
    take() {
      const taken = tally
      tally = emptyTally()
      return taken
    },
    get tally() {
      return tally
    },
  }
}

function cronOutcome({
  refreshed,
  fresh,
  unfinished,
  failed,
  webhooks,
}: Extract<FieldCacheEvent, { type: 'cron.finished' }>): CronOutcome {
  if (failed > 0 || webhooks.some(({ outcome }) => outcome === 'failed')) return 'failed'
  return refreshed + fresh + unfinished + webhooks.length > 0 ? 'ok' : 'skipped'
}

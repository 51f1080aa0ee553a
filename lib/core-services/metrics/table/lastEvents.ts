/**
 * Metrics that are not added up: of each, the latest event is kept with its details. A row writes the details as the texts
 * that are stored in Redis, and reads them again; other releases read the same texts, so their order never changes.
 */
import type { RefreshReason } from '../../../shared/events'
import { toCronOutcome } from './counters'
import type { From } from './metric'

export interface LastEvent<T> {
  /** The name in Redis; the name of the field is appended where there is one. */
  stored: string
  /** The details that are stored of an event; null: none, and the one before stays. */
  from: From<readonly (string | number)[] | null>
  /** `at`: when it happened, ms since 1970. */
  parse(at: number, ...details: readonly string[]): T
}

/** How many ids of flawed records are kept. */
const MAX_IDS = 5

/** Infers what `parse` returns. */
const lastEvent = <T>(row: LastEvent<T>): LastEvent<T> => row

/** Kept for each field. */
export const FIELD_LAST = {
  lastSuccess: lastEvent({
    stored: 'success',
    from: {
      'refresh.finished': ({ reason, durationMs, bytes, items, stored }) => {
        return [reason, Math.round(durationMs), bytes, items ?? '', stored ? 'stored' : 'unstored']
      },
    },
    parse: (at, reason, durationMs, bytes, items, outcome) => ({
      at,
      reason: reason as RefreshReason,
      durationMs: Number(durationMs),
      /** Of the value as JSON. */
      bytes: Number(bytes),
      /** The length of a list; null for every other value. */
      items: items === '' ? null : Number(items),
      stored: outcome === 'stored',
    }),
  }),
  lastFailure: lastEvent({
    stored: 'failure',
    from: {
      'refresh.failed': ({ reason, durationMs, cause, code }) => {
        return [reason, Math.round(durationMs), cause ?? code]
      },
    },
    /** `code`: of the error, or of its cause, such as AIRTABLE_TIMEOUT. */
    parse: (at, reason, durationMs, code = 'UNKNOWN') => {
      return { at, reason: reason as RefreshReason, durationMs: Number(durationMs), code }
    },
  }),
  lastFlaws: lastEvent({
    stored: 'flawed',
    from: {
      'source.flawed': ({ unreadable, errors, ids }) => [unreadable, errors, ...ids.slice(0, MAX_IDS)],
    },
    /** Records that could not be read, cells that hold an error of a formula, and ids of some of these records. */
    parse: (at, unreadable, errors, ...ids) => {
      return { at, unreadable: Number(unreadable), errors: Number(errors), ids: ids as readonly string[] }
    },
  }),
}

/** Kept for the whole deployment. */
export const SYSTEM_LAST = {
  /** The last run that was not skipped. */
  lastCronRun: lastEvent({
    stored: 'cron',
    from: {
      'cron.finished': (run) => {
        const { durationMs, refreshed, fresh, skipped, failed, unfinished } = run
        const outcome = toCronOutcome(run)
        if (outcome === 'skipped') return null
        return [outcome, Math.round(durationMs), refreshed, fresh, skipped, failed, unfinished]
      },
    },
    parse: (at, outcome, ...counts) => {
      const [durationMs = 0, refreshed = 0, fresh = 0, skipped = 0, failed = 0, unfinished = 0] =
        counts.map(Number)
      const result = outcome as 'ok' | 'failed'
      return { at, outcome: result, durationMs, refreshed, fresh, skipped, failed, unfinished }
    },
  }),
}

type Parsed<Row> = Row extends LastEvent<infer T> ? T : never
export type LastSuccess = Parsed<typeof FIELD_LAST.lastSuccess>
export type LastFailure = Parsed<typeof FIELD_LAST.lastFailure>
export type LastFlaws = Parsed<typeof FIELD_LAST.lastFlaws>
/** `at`: when it ended. `unfinished`: fields whose refresh goes on in the next run. */
export type CronRun = Parsed<typeof SYSTEM_LAST.lastCronRun>

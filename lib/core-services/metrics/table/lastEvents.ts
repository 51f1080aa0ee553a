/**
 * Metrics that are not added up: of each, the latest event is kept with its details. A row writes the details as the texts
 * that are stored in Redis, and reads them again; other releases read the same texts, so their order never changes.
 */
import type { RefreshReason } from '../../../shared/events'
import { type CronOutcome, toCronOutcome } from './counters'
import type { From } from './metric'

export interface LastEvent<T> {
  /** The name in Redis; the name of the field is appended where there is one. */
  stored: string
  /** The details that are stored of an event; null: none, and the one before stays. */
  from: From<readonly (string | number)[] | null>
  /** `at`: when it happened, ms since 1970. */
  parse(at: number, ...details: readonly string[]): T
}

export interface LastSuccess {
  /** When the value arrived, ms since 1970. */
  at: number
  reason: RefreshReason
  durationMs: number
  /** Of the value as JSON. */
  bytes: number
  /** The length of a list; null for every other value. */
  items: number | null
  stored: boolean
}

export interface LastFailure {
  at: number
  reason: RefreshReason
  durationMs: number
  /** The code of the error, or of its cause, such as AIRTABLE_TIMEOUT. */
  code: string
}

export interface LastFlaws {
  at: number
  /** Records that could not be read. */
  unreadable: number
  /** Cells that hold an error of a formula. */
  errors: number
  /** Ids of some of these records. */
  ids: readonly string[]
}

export interface CronRun {
  /** When it ended, ms since 1970. */
  at: number
  outcome: Exclude<CronOutcome, 'skipped'>
  durationMs: number
  refreshed: number
  fresh: number
  skipped: number
  failed: number
  /** Fields whose refresh goes on in the next run. */
  unfinished: number
}

/** How many ids of flawed records are kept. */
const MAX_IDS = 5

const lastSuccess: LastEvent<LastSuccess> = {
  stored: 'success',
  from: {
    'refresh.finished': ({ reason, durationMs, bytes, items, stored }) => [
      reason,
      Math.round(durationMs),
      bytes,
      items ?? '',
      stored ? 'stored' : 'unstored',
    ],
  },
  parse: (at, reason, durationMs, bytes, items, outcome) => ({
    at,
    reason: reason as RefreshReason,
    durationMs: Number(durationMs),
    bytes: Number(bytes),
    items: items === '' ? null : Number(items),
    stored: outcome === 'stored',
  }),
}

const lastFailure: LastEvent<LastFailure> = {
  stored: 'failure',
  from: {
    'refresh.failed': ({ reason, durationMs, cause, code }) => [
      reason,
      Math.round(durationMs),
      cause ?? code,
    ],
  },
  parse: (at, reason, durationMs, code = 'UNKNOWN') => ({
    at,
    reason: reason as RefreshReason,
    durationMs: Number(durationMs),
    code,
  }),
}

const lastFlaws: LastEvent<LastFlaws> = {
  stored: 'flawed',
  from: {
    'source.flawed': ({ unreadable, errors, ids }) => [unreadable, errors, ...ids.slice(0, MAX_IDS)],
  },
  parse: (at, unreadable, errors, ...ids) => ({
    at,
    unreadable: Number(unreadable),
    errors: Number(errors),
    ids,
  }),
}

/** Kept for each field. */
export const FIELD_LAST = { lastSuccess, lastFailure, lastFlaws }

/** The last run that was not skipped. */
const lastCronRun: LastEvent<CronRun> = {
  stored: 'cron',
  from: {
    'cron.finished': (run) => {
      const outcome = toCronOutcome(run)
      if (outcome === 'skipped') return null
      const { durationMs, refreshed, fresh, skipped, failed, unfinished } = run
      return [outcome, Math.round(durationMs), refreshed, fresh, skipped, failed, unfinished]
    },
  },
  parse: (at, outcome, ...counts) => {
    const [durationMs = 0, refreshed = 0, fresh = 0, skipped = 0, failed = 0, unfinished = 0] =
      counts.map(Number)
    return {
      at,
      outcome: outcome as CronRun['outcome'],
      durationMs,
      refreshed,
      fresh,
      skipped,
      failed,
      unfinished,
    }
  },
}

/** Kept for the whole deployment. */
export const SYSTEM_LAST = { lastCronRun }
